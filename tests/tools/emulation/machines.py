"""Emulated machines of a test's own, and what their consoles show; all of it is removed at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence

import docker
from docker.models.containers import Container

from tools.emulation.docker_machines import DockerMachines
from tools.emulation.shell import run_in


@contextlib.contextmanager
def machines(engine: docker.DockerClient, *, preload: Sequence[str] = ()) -> Iterator[tuple[DockerMachines, str]]:
    """Give the machines of a new owner, and its name."""
    owner = new_owner()
    with contextlib.closing(DockerMachines(engine, owner=owner, preload=preload)) as made:
        yield made, owner


def new_owner() -> str:
    """Return a name that nobody else has."""
    return f"t{os.getpid()}-{secrets.token_hex(3)}"


def console(container: Container | None, script: str) -> str:
    """Run a shell script as root in a machine; return what it prints.

    Raises:
        AssertionError: There is no such machine.
        CommandError: The script failed.
    """
    assert container is not None
    return run_in(container, script).strip()
