"""The containers of a rehearsal: registries that only this machine reaches, and what copies between them; gone afterwards."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container
from docker.types import Mount

from ops.config import RUNS_FOLDER, RUNS_MOUNT
from ops.core.docker_engine import connected
from ops.core.files import write_atomic
from ops.stack.places import container as name_of
from ops.stack.stack import Stack
from ops.tasks.drill.scratch import ScratchError, confined, remove_left_behind
from ops.tasks.rehearse.mirroring import write_catalogue
from ops.tasks.rehearse.relay import Relay
from ops.tasks.sync.mirror import REGSYNC

# With the stack's folder. Whatever has it was left behind by a rehearsal that was killed.
LABEL = "private-registry.rehearsal"
_PORT = "5000/tcp"
_CONFIG = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /var/lib/registry}
  delete: {enabled: true}
  maintenance: {uploadpurging: {enabled: false, age: 72h, interval: 24h, dryrun: true}}
http: {addr: "0.0.0.0:5000", secret: of a rehearsal, relativeurls: true}
"""
_IDLE = "version: 1\nsync: []\n"


@dataclass(frozen=True)
class ScratchRegistry:
    """A registry that may be killed.

    Attributes:
        container: Its container.
    """

    container: Container

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        with _explained(self.container.name or ""):
            self.container.kill()
            self.container.wait()

    def start(self) -> str:
        """Start it; return where it is: the port is another one each time.

        Raises:
            ScratchError: It does not start.
        """
        with _explained(self.container.name or ""):
            self.container.start()
            self.container.reload()
            published = self.container.ports.get(_PORT) or []
        if not published:
            raise ScratchError(f"{self.container.name} has ended: {self.container.logs(tail=5).decode(errors='replace').strip()}")
        return f"http://127.0.0.1:{published[0]['HostPort']}"


@contextlib.contextmanager
def scratch_registry(folder: Path, tree: Path, image: str, *, root: Path) -> Iterator[ScratchRegistry]:
    """Make a registry on a tree, which does not run yet, and remove it in the end.

    Args:
        folder: Where its configuration is written.
        tree: Its root directory.
        image: Its image.
        root: The stack's folder; a name that other stacks do not have.

    Raises:
        EngineError: The Docker engine does not answer.
        ScratchError: It cannot be made.
    """
    config = folder / "registry.yml"
    write_atomic(config, _CONFIG, mode=0o644)
    with connected() as engine, contextlib.ExitStack() as removed:
        labels, name = {LABEL: str(root)}, f"rehearsal-{secrets.token_hex(4)}"
        with _explained(image):
            network = engine.networks.create(name, driver="bridge", labels=labels)
            removed.callback(network.remove)
            container = engine.containers.create(
                image,
                ["serve", "/etc/distribution/config.yml"],
                name=name,
                labels=labels,
                network=name,
                ports={_PORT: ("127.0.0.1", 0)},
                **confined(config, tree, read_only=False),
            )
            removed.callback(container.remove, force=True, v=True)
        yield ScratchRegistry(container)


@contextlib.contextmanager
def scratch_regsync(stack: Stack, image: str, source: Relay, *, root: Path) -> Iterator[None]:
    """Let a stack mirror from a registry while inside: its catalogue, and the container in which copies run.

    Args:
        stack: The stack of a rehearsal.
        image: Of regsync.
        source: The line to the registry.
        root: The folder of the stack that is rehearsed for.

    Raises:
        EngineError: The Docker engine does not answer.
        ScratchError: It does not start.
    """
    password, idle, runs = write_catalogue(stack, source), stack.root / "idle.yml", stack.root / RUNS_FOLDER
    write_atomic(idle, _IDLE, mode=0o644)
    runs.mkdir(parents=True)
    kept = [Mount(RUNS_MOUNT, str(runs), type="bind", read_only=True)]
    files = {"/etc/regsync/idle/regsync.yml": idle, "/run/secrets/password": password}
    kept += [Mount(inside, str(file), type="bind", read_only=True) for inside, file in files.items()]
    with connected() as engine, contextlib.ExitStack() as removed:
        with _explained(image):
            container = engine.containers.create(
                image,
                ["server", "--config", "/etc/regsync/idle/regsync.yml"],
                name=name_of(stack, REGSYNC),
                labels={LABEL: str(root)},
                network_mode="host",  # the lines are ports of this machine
                **{**confined(idle, runs, read_only=True), "mounts": kept},
            )
            removed.callback(container.remove, force=True, v=True)
            container.start()
        yield


def remove_all_left_behind(root: Path) -> None:
    """Remove the containers and networks that rehearsals of a stack have left, as those that were killed do.

    Args:
        root: The stack's folder.

    Raises:
        EngineError: The Docker engine does not answer.
    """
    label = f"{LABEL}={root}"
    with connected() as engine:
        remove_left_behind(engine, label)
        for network in engine.networks.list(filters={"label": label}):
            network.remove()


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except DockerException as error:
        raise ScratchError(f"a container of the rehearsal ({what}) cannot be started: {error}") from error
