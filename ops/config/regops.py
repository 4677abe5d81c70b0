"""What `regops` reads about the stack that it looks after: `regops/regops.json` of the current release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from ops.config.base import Strict
from ops.config.gc import GcSettings, SnapshotSettings
from ops.config.notify import NotifySettings, SecretName

REGOPS_FILE = "regops/regops.json"
# What memory_mib was called at first, although it held MiB.
OLD_MEMORY_KEY = "memory_mb"


# Of a check at a watcher: what it is told comes after a slash.
PingUrl = Annotated[str, Field(pattern=r"^https?://\S+[^/\s]$")]


class ServiceLimits(Strict):
    """What a service may use at most: CPU cores, and memory in MiB (swap included)."""

    cpus: Annotated[float, Field(ge=0.01, le=64)]
    memory_mib: Annotated[int, Field(ge=16, le=65536)]

    @model_validator(mode="before")
    @classmethod
    def _old_name(cls, given: Any) -> Any:
        if not isinstance(given, dict) or OLD_MEMORY_KEY not in given:
            return given
        if "memory_mib" in given:
            raise ValueError(f"{OLD_MEMORY_KEY} is the old name of memory_mib; remove {OLD_MEMORY_KEY}")
        return {"memory_mib" if key == OLD_MEMORY_KEY else key: value for key, value in given.items()}


class RegopsConfig(Strict):
    """One stack. Folders are below the stack's root.

    Attributes:
        stack: Its name; see `container_name`.
        identifier_secret: Name of the secret that names the registry in notifications; None for the stack's name.
        services: Those that run, with their limits.
        images: What they run, by service: `repository:tag@sha256:…`, or an id. Images that the host makes itself are not there.
        url: Where clients reach the registry, without a slash at its end.
        ca: The authority of its certificate, when it is an own one; absolute.
        resolve: Names that are not to be looked up, with their addresses.
        data: What `regops` itself keeps: history, locks, what it knows of changes.
        metrics: Where the node exporter reads metrics of tasks; None without monitoring.
        registry_data: The registry's root directory.
        registry_metrics: Address of the registry's metrics, as its own container reaches it.
        snapshots: What garbage collection and undo keep of the registry's tree, on its file system.
        gc: What garbage collection does.
        undo: For how long it can be undone.
        events: The gateway's database of the registry's events.
        notify: Where messages go.
        pings: Address to tell about each run of a task, by the task's name: https://healthchecks.io/docs/http_api/
    """

    stack: Annotated[str, Field(min_length=1)]
    identifier_secret: SecretName | None = None
    services: Mapping[str, ServiceLimits] = Field(default_factory=dict)
    images: Mapping[str, str] = Field(default_factory=dict)
    url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]
    ca: Path | None = None
    resolve: Mapping[str, str] = Field(default_factory=dict)
    data: str
    metrics: str | None = None
    registry_data: str = "data/registry"
    registry_metrics: str = "http://127.0.0.1:5001/metrics"
    snapshots: str = "data/snapshots"
    gc: GcSettings = GcSettings()
    undo: SnapshotSettings = SnapshotSettings()
    events: str = "data/gateway/events.db"
    notify: NotifySettings = NotifySettings()
    pings: Mapping[str, PingUrl] = Field(default_factory=dict)
