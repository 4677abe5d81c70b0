"""Emulated machines of a test's own, seen from their console."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import docker
from docker.models.containers import Container

from tests.tools.emulation.machines import machines
from tools.bootstrap.docker_engine import ensure_docker
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import ServerSpec, VolumeSpec
from tools.emulation.shell import run_in, try_in


@contextlib.contextmanager
def emulated() -> Iterator[DockerMachines]:
    """Give machines; there is none at first."""
    with (
        contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client,
        machines(client) as (made, _),
    ):
        yield made


def spec(server: int, address: str, *volumes: VolumeSpec) -> ServerSpec:
    """Return a server that nobody configures."""
    return ServerSpec(server, f"server-{server}", address, "", (), volumes)


class Shell:
    """The console of a server: root, in the shell."""

    def __init__(self, machines: DockerMachines, server: int) -> None:
        found = machines.servers.find(server)
        assert found
        self.container: Container = found

    def try_(self, script: str) -> tuple[int, str]:
        """Run a script; return its exit code and what it says."""
        return try_in(self.container, script)

    def run(self, script: str) -> str:
        """Run a script; return what it says.

        Raises:
            CommandError: It failed.
        """
        return run_in(self.container, script)
