"""Emulated production stacks for tests: what is on the server and on the Storage Box, and how to break it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine.client import client
from tests.tools.emulation.machines import console
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.stack import EmulatedStack, emulated_stack


class Server:
    """The one server of an emulated stack, seen from its console."""

    def __init__(self, stack: EmulatedStack) -> None:
        self.stack = stack

    @property
    def name(self) -> str:
        """The name of its container."""
        (found,) = client().containers.list(filters={"name": f"{self.stack.name}-server-"})
        return str(found.name)

    def run(self, script: str) -> str:
        """Run a shell script as root; return what it prints.

        Raises:
            CommandError: It failed.
        """
        return self.stack.on_server(script)

    def containers(self) -> dict[str, str]:
        """Return the ids of the services' containers by their names."""
        lines = self.run("docker ps --no-trunc --format '{{.Names}} {{.ID}}'").splitlines()
        return dict(line.split() for line in lines)


@dataclass(frozen=True)
class Box:
    """The Storage Box of an emulated stack, seen from its console."""

    stack: EmulatedStack

    # The folder of the account that writes, and the keys that open it.
    HOME = "/data/private-registry"
    KEYS = f"{HOME}/.ssh/authorized_keys"

    def run(self, script: str) -> str:
        """Run a shell script as root; return what it prints.

        Raises:
            AssertionError: It failed.
        """
        (found,) = client().containers.list(filters={"name": f"{self.stack.name}-box-"})
        return console(found, script)

    def files(self) -> str:
        """Return all files of backups with their checksums, but for locks, and the keys."""
        return self.run(f"cd {self.HOME} && find backups .ssh -type f ! -path '*/locks/*' -exec sha256sum {{}} + | sort")


@contextlib.contextmanager
def production(folder: Path, address: str, **settings: Any) -> Iterator[EmulatedStack]:
    """Yield a production stack of this test's own that is not up yet."""
    name = f"t{os.getpid()}-{secrets.token_hex(3)}"
    with emulated_stack(name, folder / name, address, **settings) as stack:
        yield stack


def docker_is_broken(machines: DockerMachines, server_id: int) -> None:
    """Break Docker on a server, as if it could not be installed."""
    container = machines.servers.find(server_id)
    assert container is not None
    done = container.exec_run(["sh", "-euc", "systemctl mask --now docker.service docker.socket"])
    assert done.exit_code == 0, done.output


def docker_is_mended(machines: DockerMachines, server_id: int) -> None:
    """Repair Docker on a server."""
    container = machines.servers.find(server_id)
    assert container is not None
    assert container.exec_run(["systemctl", "unmask", "docker.service", "docker.socket"]).exit_code == 0
