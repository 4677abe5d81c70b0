"""The registry's collector in its own container: image and configuration of the running registry, on a copy of its data."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from ops.tasks.gc.collector import CollectorError, words

_CONFIG = "/etc/distribution/config.yml"
_DATA = "/var/lib/registry"
_TAIL_LINES = 20
# It talks to nobody, so this is the only variable of the registry's environment that it needs.
_ENVIRONMENT = {"OTEL_TRACES_EXPORTER": "none"}


@dataclass(frozen=True)
class ContainerCollector:
    """Runs the image of a registry's container with that container's configuration; the copy is mounted in place of its data.

    Attributes:
        engine: This host's Docker engine.
        registry: Name of the registry's container.
        cpus: CPU limit.
        memory_mib: Memory limit in MiB, swap included.
        limit_s: Time limit.
    """

    engine: docker.DockerClient
    registry: str
    cpus: float = 1.0
    memory_mib: int = 1024
    limit_s: float = 3600.0

    @property
    def name(self) -> str:
        """The container's name."""
        return f"{self.registry}-garbage-collector"

    def __call__(self, root: Path, *, delete_untagged: bool) -> None:
        """See Collector."""
        self.clear()
        owner = root.stat()
        try:
            running = self.engine.containers.get(self.registry)
            container = self.engine.containers.create(
                running.attrs["Image"],
                [*words(delete_untagged), _CONFIG],
                name=self.name,
                user=f"{owner.st_uid}:{owner.st_gid}",
                environment=_ENVIRONMENT,
                network_mode="none",
                read_only=True,
                tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},  # noqa: S108  # the container's own
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                nano_cpus=int(self.cpus * 1e9),
                mem_limit=f"{self.memory_mib}m",
                memswap_limit=f"{self.memory_mib}m",
                pids_limit=128,
                volumes=[f"{root}:{_DATA}", f"{_source(running.attrs, _CONFIG)}:{_CONFIG}:ro"],
            )
            try:
                container.start()
                code = int(container.wait(timeout=self.limit_s)["StatusCode"])
                said = container.logs(tail=_TAIL_LINES).decode(errors="replace").strip()
            finally:
                container.remove(force=True, v=True)
        except (DockerException, RequestException) as error:
            raise CollectorError(f"the collector's container failed: {error}") from error
        if code:
            raise CollectorError(f"the registry's collector exited with code {code}:\n{said}")

    def clear(self) -> None:
        """See Collector."""
        try:
            with contextlib.suppress(NotFound):
                self.engine.containers.get(self.name).remove(force=True, v=True)
        except (DockerException, RequestException) as error:
            raise CollectorError(f"the collector's container cannot be removed: {error}") from error

    def image(self) -> str:
        """Return the id of the registry's image, which snapshots record."""
        return str(self.engine.containers.get(self.registry).attrs["Image"])


def _source(attributes: Mapping[str, Any], target: str) -> str:
    """Return what a container has mounted at a path.

    Raises:
        CollectorError: Nothing is mounted there.
    """
    for mount in attributes["Mounts"]:
        if mount["Destination"] == target:
            return str(mount["Source"])
    raise CollectorError(f"the registry's container {attributes['Name'].strip('/')} has nothing mounted at {target}")
