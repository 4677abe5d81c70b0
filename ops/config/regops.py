"""The configuration of `regops`: `regops/regops.json` in the current release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from ops.config.backup import BackupSettings
from ops.config.base import Strict
from ops.config.gc import GcSettings, SnapshotSettings
from ops.config.moving import MOVING, MovingPattern
from ops.config.notify import NotifySettings, SecretName
from ops.config.recovery import RecoverySettings
from ops.config.retention import RetentionRule
from ops.config.sync import MirrorSettings

REGOPS_FILE = "regops/regops.json"
# The old name of memory_mib. It was wrong: the value has always been in MiB.
OLD_MEMORY_KEY = "memory_mb"
# Where the registry has its metrics, on loopback too.
REGISTRY_DEBUG_PORT = 5001


# The URL of a check at a monitoring service. What happened is appended after a slash.
PingUrl = Annotated[str, Field(pattern=r"^https?://\S+[^/\s]$")]


class ServiceLimits(Strict):
    """What a service may use at most.

    Attributes:
        cpus: CPU cores.
        memory_mib: Memory in MiB, swap included.
    """

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
    """One stack. Paths of folders are relative to the stack's root.

    Attributes:
        stack: Its name; see `container_name`.
        identifier_secret: Name of the secret that names the registry in notifications; None for the stack's name.
        services: The services that run, with their limits.
        images: Their images: `repository:tag@sha256:…`, or an id. Images that the host builds are left out.
        url: Where clients reach the registry, without a trailing slash.
        ca: Absolute path of the CA certificate, if the stack has a CA of its own.
        resolve: Addresses of names that should not be looked up in DNS.
        data: Where `regops` keeps its own data: history, locks, the ledger of changes.
        metrics: Where the node exporter reads the metrics of tasks; None without monitoring.
        registry_data: The registry's root directory.
        registry_metrics: URL of the registry's metrics, as seen from inside its container.
        snapshots: Where snapshots of the registry's tree are, on the same file system.
        gc: Rules of garbage collection.
        backup: Where backups go.
        recover: Which backup a host that has nothing begins with; None to begin with nothing.
        undo: How many snapshots are kept, and for how long.
        retention: Which old tags are deleted.
        sync: The mirror; None if nothing is mirrored, or it is not done by a catalogue.
        upstreams: By mirrored repository, those that it is copied from, with their registries: `docker.io/library/alpine`. With a
            catalogue, that says it.
        upstream_logins: By registry that images are mirrored from, the names of the secrets with user and token there.
        upstream_ca: By registry that images are mirrored from, certificates (PEM) that vouch for it besides the public ones.
        events: The gateway's database of the registry's events.
        moving: Patterns of tags that move by design.
        notify: Where notifications go.
        watchdog_secret: Name of the secret with the URL of the outside checker that is told while alerts arrive; None without.
        pings: By the name of a task, the URL to ping for each of its runs: https://healthchecks.io/docs/http_api/
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
    registry_metrics: str = f"http://127.0.0.1:{REGISTRY_DEBUG_PORT}/metrics"
    snapshots: str = "data/snapshots"
    gc: GcSettings = GcSettings()
    backup: BackupSettings = BackupSettings()
    recover: RecoverySettings | None = None
    undo: SnapshotSettings = SnapshotSettings()
    retention: tuple[RetentionRule, ...] = ()
    sync: MirrorSettings | None = None
    upstreams: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    upstream_logins: Mapping[str, tuple[SecretName, SecretName]] = Field(default_factory=dict)
    upstream_ca: Mapping[str, str] = Field(default_factory=dict)
    events: str = "data/gateway/events.db"
    moving: tuple[MovingPattern, ...] = MOVING
    notify: NotifySettings = NotifySettings()
    watchdog_secret: SecretName | None = None
    pings: Mapping[str, PingUrl] = Field(default_factory=dict)
