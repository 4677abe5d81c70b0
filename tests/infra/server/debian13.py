"""The system that the files of a server are for: Debian 13 from packages, whose programs run in namespaces of their own."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from infra.cache import cached, digest
from infra.paths import cache_folder
from ops.core.process import Completed, run
from tools.offline.debian import RootFilesystem, make_root_filesystem

CONTENTS = RootFilesystem(
    packages=(
        "busybox",
        "cron",
        "docker-cli",
        "docker.io",
        "iproute2",
        "iptables",
        "logrotate",
        "openssh-client",
        "openssh-server",
        "procps",
        "ssh-audit",
        "systemd",
        "unattended-upgrades",
    )
)
_ROOT = "root"

# Ends in a shell whose root is the system, with changes kept in memory; runc needs a root that is a mount. $1: the system;
# $2: files to add; $3: an empty folder; $4: the script. All of it is gone when the shell ends, whatever that leaves running.
_ENTER = """
mount -t tmpfs tmpfs "$3"
mkdir "$3/upper" "$3/work" "$3/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$3/upper,workdir=$3/work" "$3/root"
cp -r "$2/." "$3/root"
cd "$3/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs var/lib
cp -a "$1/var/lib/." var/lib
mkdir -p run/lock run/sshd
ip link set lo up
pivot_root . .
umount -l .
exec sh -euc "$4"
"""


@dataclass(frozen=True)
class Debian13:
    """A Debian 13 with the files of a server in their places.

    Attributes:
        system: What the packages hold; never changed.
        files: What is added to it, as below `/`.
    """

    system: Path
    files: Path

    def run(self, script: str, *, timeout: float = 60.0, check: bool = True) -> Completed:
        """Run a shell script as root on a fresh copy, with processes, mounts and a network of its own; `set -e` is on.

        Raises:
            CommandError: It ran out of time, or (with `check`) failed.
        """
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        with tempfile.TemporaryDirectory() as folder:
            words: list[str | Path] = [*unshare, "sh", "-euc", _ENTER, "sh", self.system, self.files, folder, script]
            return run(words, timeout=timeout, check=check)


def debian13(files: Path) -> Debian13:
    """Return the system, made first when the cache lacks it; skip the test where this user cannot run it."""
    if os.geteuid() != 0:
        pytest.skip("programs of Debian 13 need root for namespaces of their own")

    def build(folder: Path) -> None:
        tarball = folder / "root.tar"
        make_root_filesystem(CONTENTS, tarball)
        (folder / _ROOT).mkdir()
        run(["tar", "--extract", "--numeric-owner", f"--file={tarball}", f"--directory={folder / _ROOT}"], timeout=300.0)
        tarball.unlink()

    name = f"server-{CONTENTS.suite}-{digest(asdict(CONTENTS))}"
    return Debian13(cached(cache_folder("offline"), name, build, what="a Debian 13 for tests") / _ROOT, files)
