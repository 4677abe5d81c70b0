"""The script that makes a bare Debian a host for containers. It can be run again at any time, and then downloads nothing."""

from __future__ import annotations

from collections.abc import Sequence

# What the program and `ops` need beside what every Debian has.
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
    """Return the script, for `sh` as root. What it does goes to standard error; it prints nothing.

    Args:
        packages: What must be there.
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
    # What a broken run has left half installed comes first.
    dpkg --configure -a
    apt-get --quiet --option DPkg::Lock::Timeout=300 update
    apt-get --quiet --yes --no-install-recommends --option DPkg::Lock::Timeout=300 install $missing
fi
{mounts}systemctl enable --now docker
timeout {_DOCKER_LIMIT_S} sh -c 'until docker version >/dev/null 2>&1; do sleep 0.5; done' \\
    || {{ echo 'the Docker engine does not answer; its log ends with:'; journalctl --unit docker --lines 20 --no-pager; exit 1; }}
"""
