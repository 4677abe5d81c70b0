"""Machines in containers: the servers and Storage Boxes of one owner, on one network, removed together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import docker
import psutil
from docker.errors import NotFound

from infra.paths import cache_folder
from ops.core.locks import Holder, hold, stuck
from ops.core.process import CommandError
from tools.emulation.boxes import Boxes
from tools.emulation.containers import PROCESS_LABEL
from tools.emulation.images import BOX, SERVER, ensure_image
from tools.emulation.loaded import ensure_loaded, sweep_loaded
from tools.emulation.machines import BoxAccount, ServerSpec, VolumeSpec
from tools.emulation.servers import Servers

_SWEEP_LIMIT_S = 300.0
_OWNER_LABEL = "private-registry.emulation.owner"


class DockerMachines:
    """`Machines` of one owner, in a Docker engine on this machine; closing it removes them.

    Attributes:
        servers: For tests, which inspect them from their console.
    """

    def __init__(self, engine: docker.DockerClient, *, owner: str, preload: Sequence[str] = ()) -> None:
        """Build the images that are missing; no machine is created yet.

        Args:
            engine: The Docker engine.
            owner: Prefix of all names; nobody else's.
            preload: Images of that engine that the engines of servers shall have.

        Raises:
            CommandError: An image cannot be built or saved.
        """
        self._engine, self._owner = engine, owner
        labels = {_OWNER_LABEL: owner, PROCESS_LABEL: str(os.getpid())}
        cache = cache_folder("offline")
        server, box = ensure_image("server", SERVER, engine, cache), ensure_image("box", BOX, engine, cache)
        loaded = ensure_loaded(engine, server, preload) if preload else ""
        engine.networks.create(owner, driver="bridge", labels=labels)
        self.servers = Servers(engine, owner=owner, image=server, network=owner, labels=labels, loaded=loaded)
        self._boxes = Boxes(engine, owner=owner, image=box, network=owner, labels=labels)

    def boot(self, server: ServerSpec) -> None:
        """See Machines."""
        self.servers.boot(server)

    def power_off(self, server_id: int) -> None:
        """See Machines."""
        self.servers.power_off(server_id)

    def delete_server(self, server_id: int) -> None:
        """See Machines."""
        self.servers.delete(server_id)

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        """See Machines."""
        self.servers.serve_volumes(server_id, volumes)

    def delete_volume(self, volume_id: int) -> None:
        """See Machines."""
        self.servers.delete_volume(volume_id)

    def serve_box(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        """See Machines."""
        self._boxes.serve(box_id, host, accounts)

    def delete_box(self, box_id: int) -> None:
        """See Machines."""
        self._boxes.delete(box_id)

    def close(self) -> None:
        """Remove everything this owner has."""
        _remove(self._engine, f"{_OWNER_LABEL}={self._owner}")


def sweep(engine: docker.DockerClient) -> None:
    """Remove machines left behind by killed processes, and volumes with images that nobody has any more.

    Once it returns they are gone, even if another process has begun to remove them: their addresses are wanted again.

    Raises:
        CommandError: Another process has been removing them for too long.
    """
    with hold(cache_folder("run") / "sweep.lock", "sweep", refusal=_stuck, patience=_SWEEP_LIMIT_S):
        for process in sorted({process for process in _processes(engine) if not psutil.pid_exists(int(process))}):
            _remove(engine, f"{PROCESS_LABEL}={process}")
        sweep_loaded(engine)


def _stuck(holder: Holder | None) -> CommandError:
    return CommandError(stuck(holder, "removing machines of killed runs", _SWEEP_LIMIT_S))


def _processes(engine: docker.DockerClient) -> Iterator[str]:
    for container in engine.containers.list(all=True, filters={"label": PROCESS_LABEL}, ignore_removed=True):
        yield container.labels[PROCESS_LABEL]
    for network in engine.networks.list(filters={"label": PROCESS_LABEL}):
        yield network.attrs["Labels"][PROCESS_LABEL]


def _remove(engine: docker.DockerClient, label: str) -> None:
    for container in engine.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        with contextlib.suppress(NotFound):
            container.remove(force=True, v=True)
    for volume in engine.volumes.list(filters={"label": label}):
        volume.remove(force=True)
    for network in engine.networks.list(filters={"label": label}):
        with contextlib.suppress(NotFound):  # another process sweeps too
            network.remove()
