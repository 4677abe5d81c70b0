"""The script that turns a bare Debian into a host for containers. It is safe to run again, and then downloads nothing."""

from __future__ import annotations

from collections.abc import Sequence

# What the program and `ops` need that a bare Debian does not have.
PACKAGES = (
    "ca-certificates",
    "cron",
    "docker-cli",
    "docker.io",
    "iptables",
    "logrotate",
    "openssh-client",
    "procps",
    "python3",
    "rsync",
    "unattended-upgrades",
)
_DOCKER_LIMIT_S = 60


def prepare_script(packages: Sequence[str] = PACKAGES, mounts: str = "") -> str:
    """Return the script, for `sh` as root. It reports to standard error and prints nothing to standard output.

    Args:
        packages: Packages to install.
        mounts: Script that mounts what Docker needs.
    """
    return f"""\
set -eu
exec >&2
export DEBIAN_FRONTEND=noninteractive
missing=
for package in {" ".join(packages)}; do
    dpkg-query --show --showformat '${{Status}}' "$package" 2>/dev/null | grep -q 'install ok installed' \\
        || missing="$missing $package"
done
if [ -n "$missing" ]; then
    # First finish what an interrupted run has left half installed.
    dpkg --configure -a
    apt-get --quiet --option DPkg::Lock::Timeout=300 update
    apt-get --quiet --yes --no-install-recommends --option DPkg::Lock::Timeout=300 install $missing
fi
{mounts}systemctl enable --now docker
timeout {_DOCKER_LIMIT_S} sh -c 'until docker version >/dev/null 2>&1; do sleep 0.5; done' \\
    || {{ echo 'the Docker engine does not answer; its log says:'; journalctl --unit docker --lines 20 --no-pager; exit 1; }}
"""
