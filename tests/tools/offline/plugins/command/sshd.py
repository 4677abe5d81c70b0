"""A real OpenSSH server on a free loopback port, with keys of its own, that ends with the test."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.core.process import run
from tests.free_ports import free_port
from tools.offline.debian import apt_install

_LIMIT_S = 20.0
# sshd as root wants this folder, which only its unit makes: https://manpages.debian.org/sshd.8
_SEPARATION = Path("/run/sshd")
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AcceptEnv ACCEPTED_*
Subsystem sftp internal-sftp
"""


@dataclass
class Sshd:
    """A server that runs only between `start` and `stop`.

    Attributes:
        folder: Has its keys, the key that gets in, and its log.
        port: Where it listens.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        for name in ("host", "user"):
            make_key(self.folder / name)
        (self.folder / "config").write_text(_CONFIG.format(port=self.port, folder=self.folder))

    @property
    def host_key(self) -> str:
        """Its public key."""
        return (self.folder / "host.pub").read_text().strip()

    @property
    def private_key(self) -> str:
        """The key that gets in."""
        return (self.folder / "user").read_text()

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "log").read_text()

    @property
    def pid(self) -> int:
        """The process that listens; its children are the sessions."""
        assert self._process
        return self._process.pid

    def connection(self, **more: Any) -> dict[str, Any]:
        """Return how a resource connects to it; None takes a property away."""
        given = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "privateKey": self.private_key,
            "hostKey": self.host_key,
            **more,
        }
        return {name: value for name, value in given.items() if value is not None}

    def start(self) -> None:
        """Start it; it answers when this returns."""
        program = apt_install("openssh-server", "sshd", purpose="the tests of commands over SSH")
        if os.geteuid() == 0:
            _SEPARATION.mkdir(exist_ok=True)
        # sshd starts itself anew for each connection, and therefore needs its whole path.
        arguments: list[str | Path] = [program, "-D", "-f", self.folder / "config", "-E", self.folder / "log"]
        self._process = subprocess.Popen(arguments)
        give_up = time.monotonic() + _LIMIT_S
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < give_up, "sshd does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait(_LIMIT_S)
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            return connection.recv(4) == b"SSH-"
        return False


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Run a server whose files are in a new folder."""
    server = Sshd(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def make_key(path: Path, *options: str) -> None:
    """Write a new key to a path, and its public half beside it."""
    words = options or ("-t", "ed25519")
    run(["ssh-keygen", "-q", "-N", "", "-C", "test", *words, "-f", path], timeout=_LIMIT_S)
