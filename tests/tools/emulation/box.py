"""An emulated Storage Box of the tests' own, asked by the real clients."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import docker
from docker.models.containers import Container

from ops.core.process import Completed, run
from tests.tools.emulation.machines import console, machines
from tools.emulation.boxes import PORT
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import BoxAccount
from tools.offline.debian import apt_install

HOST = "u1.example.com"
PASSWORD = "Correct-Horse-7-Battery"
MAIN, WRITER, READER = "u1", "u1-sub1", "u1-sub2"
ACCOUNTS = [
    BoxAccount(MAIN, PASSWORD, "", readonly=False, ssh=True),
    BoxAccount(WRITER, PASSWORD, "stack", readonly=False, ssh=True),
    BoxAccount(READER, PASSWORD, "stack", readonly=True, ssh=True),
    BoxAccount("u1-sub3", PASSWORD, "off", readonly=False, ssh=False),
]
_LIMIT_S = 30.0


@dataclass(frozen=True)
class Box:
    """An emulated box, reached from this machine.

    Attributes:
        machines: Where it is from.
        container: Its console.
        address: Where it is.
        folder: Has the key that opens the writer's and the reader's account, and the box's host key.
    """

    machines: DockerMachines
    container: Container
    address: str
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def ssh(self) -> list[str]:
        """The client with that key and no other, to a host that is known; one connection for all, which is faster."""
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ControlMaster": "auto",
            "ControlPath": self.folder / "%r",
            "ControlPersist": "5",
        }
        program = apt_install("openssh-client", "ssh", purpose="this test")
        words = [str(program), "-F", "/dev/null", "-p", str(PORT), "-i", str(self.key)]
        return [*words, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]

    def run(self, command: str, *, user: str = WRITER, stdin: str | None = None) -> Completed:
        words = [*self.ssh, f"{user}@{self.address}", command]
        return run(words, timeout=_LIMIT_S, stdin=stdin, check=False)

    def rsync(self, *words: str | Path, user: str = WRITER) -> Completed:
        """Run rsync; `box:` in a word is the box."""
        program = apt_install("rsync", "rsync", purpose="this test")
        there = f"{user}@{self.address}:"
        told = [str(word).replace("box:", there) for word in words]
        return run([program, "--rsh", shlex.join(self.ssh), *told], timeout=_LIMIT_S, check=False)

    async def connect(self, *, user: str = WRITER, password: str | None = None) -> asyncssh.SSHClientConnection:
        keys = None if password else [str(self.key)]
        return await asyncssh.connect(
            self.address, PORT, username=user, password=password, client_keys=keys, known_hosts=None, config=None, agent_path=None
        )

    def serve(self) -> None:
        """Say again which accounts there are."""
        self.machines.serve_box(1, HOST, ACCOUNTS)

    def console(self, script: str) -> str:
        return console(self.container, script)


def by_password(box: Box, user: str, password: str, command: str, stdin: str = "") -> int | None:
    async def session() -> int | None:
        connection = await box.connect(user=user, password=password)
        async with connection:
            done = await connection.run(command, input=stdin)
        return done.exit_status

    return asyncio.run(asyncio.wait_for(session(), _LIMIT_S))


@contextlib.contextmanager
def served(engine: docker.DockerClient, folder: Path) -> Iterator[Box]:
    """Give a box into which the key of the writer, and so the reader's, was put by its password; files are in `folder`."""
    with machines(engine) as (made, owner):
        made.serve_box(1, HOST, ACCOUNTS)
        (container,) = engine.containers.list(filters={"name": f"{owner}-box-1"})
        address = container.attrs["NetworkSettings"]["Networks"][owner]["IPAddress"]
        box = Box(made, container, address, folder)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(box.key))
        box.key.chmod(0o600)
        host = box.console("cat /data/.host-key.pub")
        (box.folder / "known_hosts").write_text(f"[{address}]:{PORT} {host}\n")
        public = key.export_public_key().decode()
        assert by_password(box, WRITER, PASSWORD, "install-ssh-key", public) == 0
        yield box
