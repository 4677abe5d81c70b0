"""What the program tells a Storage Box, told to an emulated one: whose key opens which account."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh
import docker
import pytest

from infra.hetzner.storage_box import BACKUPS
from tests.infra.hetzner.test_place import ACCOUNT, rented
from tools.bootstrap.docker_engine import ensure_docker
from tools.emulation.box_shell import UNKNOWN
from tools.emulation.boxes import PORT
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import BoxAccount

pytestmark = pytest.mark.system

USERS = {"backup-writer": "u1-sub1", "backup-reader": "u1-sub2"}
# In the order in which one waits for another.
COMMANDS = (
    "backup-writer-install-key-folder",
    "backup-writer-install-key",
    "backup-reader-install-key-folder",
    "backup-reader-install-key",
)
_LIMIT_S = 20.0


@dataclass(frozen=True)
class Box:
    """An emulated Storage Box with the program's accounts.

    Attributes:
        address: Of the box.
        keys: Key pairs by the account that each is for.
    """

    address: str
    keys: dict[str, asyncssh.SSHKey]

    def run(self, user: str, command: str, *, key: str | None = None, password: str | None = None, stdin: str = "") -> int:
        """Run a command and return its exit code.

        Raises:
            asyncssh.PermissionDenied: The account is not opened.
        """

        async def session() -> int:
            async with asyncssh.connect(
                self.address,
                PORT,
                username=USERS[user],
                client_keys=[self.keys[key]] if key else None,
                password=password,
                known_hosts=None,
                config=None,
                agent_path=None,
            ) as connection:
                return (await connection.run(command, input=stdin)).exit_status or 0

        return asyncio.run(asyncio.wait_for(session(), _LIMIT_S))


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box on which the program's commands were run, twice, as after a run that was killed."""
    declared = rented()
    accounts = [
        BoxAccount(
            USERS[account.name],
            account.inputs["password"],
            account.inputs["homeDirectory"],
            account.inputs["accessSettings"]["readonly"],
            account.inputs["accessSettings"]["sshEnabled"],
        )
        for account in declared.of_type(ACCOUNT)
    ]
    owner = f"t{os.getpid()}-{secrets.token_hex(3)}"
    with (
        contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client,
        contextlib.closing(DockerMachines(client, owner=owner)) as machines,
    ):
        machines.serve_box(1, "u1.example.com", [BoxAccount("u1", secrets.token_hex(8), "", False, True), *accounts])
        (container,) = client.containers.list(filters={"name": f"{owner}-box-1"})
        address = container.attrs["NetworkSettings"]["Networks"][owner]["IPAddress"]
        box = Box(address, {account: asyncssh.generate_private_key("ssh-ed25519") for account in USERS})
        for name in [*COMMANDS, *COMMANDS]:
            inputs = declared.named(name).inputs
            key = box.keys[name.partition("-install")[0]].export_public_key().decode()
            password = inputs["connection"]["password"]
            assert box.run("backup-writer", inputs["create"], password=password, stdin=key if inputs.get("stdin") else "") == 0
        yield box


def test_the_writer_writes_what_the_reader_reads(box: Box) -> None:
    assert box.run("backup-writer", f"dd of={BACKUPS}/index", key="backup-writer", stdin="latest\n") == 0
    assert box.run("backup-reader", "cat index", key="backup-reader") == 0


def test_the_reader_cannot_change_anything(box: Box) -> None:
    for command in ("mkdir mine", "install-ssh-key", "dd of=.ssh/authorized_keys"):
        assert box.run("backup-reader", command, key="backup-reader") == UNKNOWN


@pytest.mark.parametrize(("user", "key"), [("backup-writer", "backup-reader"), ("backup-reader", "backup-writer")])
def test_a_key_opens_its_own_account_alone(box: Box, user: str, key: str) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        box.run(user, "ls", key=key)
