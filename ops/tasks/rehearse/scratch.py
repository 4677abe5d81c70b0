"""The registry of a rehearsal: in a container, on a network of its own, reached from this machine alone, and gone afterwards."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from ops.core.docker_engine import connected
from ops.core.files import write_atomic
from ops.tasks.drill.scratch import ScratchError, confined, remove_left_behind

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
        _remove_left_behind(engine, f"{LABEL}={root}")
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


def _remove_left_behind(engine: docker.DockerClient, label: str) -> None:
    remove_left_behind(engine, label)
    for network in engine.networks.list(filters={"label": label}):
        network.remove()


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except DockerException as error:
        raise ScratchError(f"the registry of the rehearsal ({what}) cannot be started: {error}") from error
