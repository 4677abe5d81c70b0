"""Clients of a newer Debian, in a room of their own where its engine and its containerd run: docker, ctr, buildah."""

from __future__ import annotations

import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder
from ops.core.process import Completed, run
from tests.daemons import WITHOUT_NETWORKS
from tests.engine.clients import LIMIT_S, Client, Docker, saved_image
from tools.offline.containerd import ensure_containerd
from tools.offline.tools import ensure_debian_clients

_START_LIMIT_S = 60.0
_SHARED = "/mnt"
_CONTAINERD = "/run/containerd-2/containerd.sock"
_CONTAINERD_CONFIG = """\
version = 3
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux"
snapshotter = "native"
"""
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root"}
# What is written there goes away with the room: nobody else sees these mounts, and they end with the last process.
_ROOM = """\
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/all"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/all"
cd "$1/all"
mkdir -p proc sys run root var/tmp etc/docker mnt
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount --bind "$3" mnt
cp /etc/hosts /etc/resolv.conf etc/
echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
echo '{"features": {"containerd-snapshotter": true}, "storage-driver": "native"}' > etc/docker/daemon.json
exec $4 chroot . dockerd --host unix:///mnt/docker.sock --data-root /var/lib/room --exec-root /run/room --pidfile /run/room.pid \
    --bridge none --iptables=false --ip6tables=false --userland-proxy=false --log-level error
"""


@dataclass(frozen=True)
class Room:
    """Where the clients run, on the network of this machine. Its engine keeps images in containerd, as new engines do.

    Attributes:
        top: Where the file system is, for those inside.
        shared: A folder that those outside see, too.
        pid: The process ID of the engine.
    """

    top: Path
    shared: Path
    pid: int

    def run(self, words: Sequence[str], stdin: str | None = None) -> Completed:
        """Run a program inside."""
        return run([*self.enter, *words], stdin=stdin, timeout=LIMIT_S, env=_ENVIRONMENT, check=False)

    @property
    def enter(self) -> Sequence[str]:
        """The words before those of a command that runs it inside."""
        return ["nsenter", "--target", str(self.pid), "--mount", "chroot", str(self.top)]

    def inside(self, file: Path) -> str:
        """Return how a file of the shared folder is called inside."""
        return f"{_SHARED}/{file.relative_to(self.shared)}"


@contextmanager
def open_room(folder: Path) -> Iterator[Room]:
    """Have a room in a folder.

    Raises:
        PackageError: The clients cannot be unpacked by this user.
        CommandError: A package is not available.
    """
    shared = folder / "shared"
    shared.mkdir()
    scratch = folder / "scratch"
    scratch.mkdir()
    clients = ensure_debian_clients(cache_folder("offline"))
    # It ends with this process, even if that is killed.
    words: list[str | Path] = [
        "setpriv",
        "--pdeathsig",
        "TERM",
        "unshare",
        "--mount",
        "sh",
        "-c",
        _ROOM,
        "sh",
        scratch,
        clients,
        shared,
        shlex.join(WITHOUT_NETWORKS),
    ]
    with (folder / "engine.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            room = Room(scratch / "all", shared, process.pid)
            end = time.monotonic() + _START_LIMIT_S
            while not (shared / "docker.sock").exists() or room.run([*_DOCKER, "version"]).returncode:
                assert process.poll() is None, (folder / "engine.log").read_text()
                assert time.monotonic() < end, (folder / "engine.log").read_text()
                time.sleep(0.1)
            yield room
        finally:
            process.terminate()


@contextmanager
def open_containerd(room: Room) -> Iterator[None]:
    """Run containerd 2 in a room, beside the one of its engine."""
    place = room.shared / "containerd"
    place.mkdir()
    for program in ensure_containerd(cache_folder("offline")):
        shutil.copy(program, place)
    (place / "config.toml").write_text(_CONTAINERD_CONFIG)
    daemon = [room.inside(place / "containerd"), "--config", room.inside(place / "config.toml"), "--log-level", "error"]
    daemon += ["--root", "/var/lib/containerd-2", "--state", "/run/containerd-2", "--address", _CONTAINERD]
    words = ["setpriv", "--pdeathsig", "TERM", *room.enter, *daemon]
    with (place / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log, env=_ENVIRONMENT) as process:
        try:
            end = time.monotonic() + _START_LIMIT_S
            while Ctr2(room, "", place).list().returncode:
                assert process.poll() is None, (place / "log").read_text()
                assert time.monotonic() < end, (place / "log").read_text()
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


_DOCKER = ("docker", "--host", f"unix://{_SHARED}/docker.sock")


class ConfinedDocker(Docker):
    """The docker command and the engine of the room."""

    def __init__(self, room: Room, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.room = room
        self.base = [*_DOCKER, "--config", room.inside(folder)]

    def build(self, image: str, cache: str, *, platforms: str = "linux/amd64,linux/arm64") -> Completed:
        """Build an image of a file that is always the same, push it, and export the build's cache to another repository."""
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "file").write_text("the same each time")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
        at = f"type=registry,ref={self.registry}/{cache}"
        options = ["--cache-to", f"{at},mode=max", "--cache-from", at, "--platform", platforms, "--progress", "plain"]
        return self._run("buildx", "build", *options, "--push", "-t", f"{self.registry}/{image}", self.room.inside(context))

    def forget_builds(self) -> Completed:
        """Forget what was built."""
        return self._run("builder", "prune", "--all", "--force")

    @contextmanager
    def _new_image(self, reference: str) -> Iterator[None]:
        self._run("load", "--input", self.room.inside(saved_image(reference, self.folder)))
        yield
        self._run("rmi", reference)

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return self.room.run([*self.base, *arguments], stdin)


class Ctr(Client):
    """containerd's ctr, which has no login: it takes a name and a password with each command.

    Attributes:
        unpacking: Options for pulls.
    """

    unpacking: Sequence[str] = ()

    def __init__(self, room: Room, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.room, self.credentials = room, list[str]()
        self.base = ["ctr", "--address", "/run/room/containerd/containerd.sock", "--namespace", f"n{secrets.token_hex(4)}"]

    def version(self) -> str:
        return self._run("--version").stdout

    def login(self, user: str, password: str) -> Completed:
        self.credentials = ["--user", f"{user}:{password}"]
        return Completed((), 0, "", "")

    def push(self, image: str, also: str = "") -> Completed:
        reference, other = f"{self.registry}/{image}", f"{self.registry}/{also}"
        self._run("images", "import", self.room.inside(saved_image(reference, self.folder)))
        pushed = self._run("images", "push", "--plain-http", *self.credentials, reference)
        if also and not pushed.returncode:
            pushed = self._run("images", "push", "--plain-http", *self.credentials, other, reference)
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("images", "pull", "--plain-http", *self.unpacking, *self.credentials, f"{self.registry}/{image}")

    def _run(self, *arguments: str) -> Completed:
        return self.room.run([*self.base, *arguments])


class Ctr2(Ctr):
    """That of containerd 2, where the daemon does what ctr is asked for; it runs within `open_containerd`."""

    unpacking = ("--snapshotter", "native")

    def __init__(self, room: Room, registry: str, folder: Path) -> None:
        super().__init__(room, registry, folder)
        self.base = [f"{_SHARED}/containerd/ctr", "--address", _CONTAINERD, "--namespace", f"n{secrets.token_hex(4)}"]

    def list(self) -> Completed:
        """List the images."""
        return self._run("images", "list")


class Buildah(Client):
    """buildah, with credentials and a store of its own."""

    def __init__(self, room: Room, registry: str, folder: Path) -> None:
        super().__init__(registry, folder)
        self.room = room
        store = f"/var/lib/{secrets.token_hex(4)}"
        self.base = ["buildah", "--root", store, "--runroot", f"/run{store}", "--storage-driver", "vfs"]
        (folder / "auth.json").write_text("{}")
        self.options = ["--tls-verify=false", "--authfile", room.inside(folder / "auth.json")]

    def version(self) -> str:
        return self._run("--version").stdout

    def login(self, user: str, password: str) -> Completed:
        return self._run("login", *self.options, "-u", user, "--password-stdin", self.registry, stdin=password)

    def push(self, image: str, also: str = "") -> Completed:
        archive = saved_image(f"{self.registry}/{image}", self.folder)
        source = self._run("pull", "--quiet", f"docker-archive:{self.room.inside(archive)}").stdout.strip()
        pushed = self._run("push", *self.options, source, f"docker://{self.registry}/{image}")
        if also and not pushed.returncode:
            pushed = self._run("push", *self.options, source, f"docker://{self.registry}/{also}")
        return pushed

    def pull(self, image: str) -> Completed:
        return self._run("pull", *self.options, f"docker://{self.registry}/{image}")

    def _run(self, *arguments: str, stdin: str | None = None) -> Completed:
        return self.room.run([*self.base, *arguments], stdin)
