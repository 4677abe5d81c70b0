"""The configuration of `regops`, and the folders that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from infra.catalogue import names_here
from infra.messages import WATCHDOG_URL, notify_settings
from infra.plan import Plan
from infra.reach import reach
from infra.release import Part
from infra.services import SERVICES
from infra.settings import Settings
from ops.config import ALERTS_FOLDER as ALERTS
from ops.config import (
    BACKUP_FOLDER,
    REGOPS_FILE,
    STORAGE_BOX,
    VERIFIED_WITHIN_DAYS,
    BackupSettings,
    GcSettings,
    RegopsConfig,
    render,
)

# Below the root.
ALL_DATA = "data"
DATA_FOLDER = "data/regops"
# On the same file system as the registry's folder, because garbage collection moves blobs there.
SNAPSHOTS_FOLDER = "data/snapshots"
REGISTRY_FOLDER = "data/registry"
FOLDERS = (DATA_FOLDER, SNAPSHOTS_FOLDER, BACKUP_FOLDER)
# The node exporter reads the tasks' metrics here (`*.prom`). The folder is on the disk of the stack's data, which the exporter
# measures by it.
METRICS_FOLDER = "data/metrics"
# Where the gateway keeps alerts until their messages are written.
ALERTS_FOLDER = f"data/gateway/{ALERTS}"
# Names the registry in notifications, unless it was generated: nobody would recognise that.
_IDENTIFIER = "private_registry_identifier"


def regops_config(plan: Plan, root: PurePosixPath) -> RegopsConfig:
    """Return the configuration of `regops`.

    Args:
        plan: What runs.
        root: The stack's folder on the host.
    """
    way = reach(plan.settings, root)
    return RegopsConfig(
        stack=plan.settings.name,
        identifier_secret=_IDENTIFIER if plan.settings.private_registry_identifier else None,
        services={name: plan.settings.limits_of(name) for name in plan.services},
        images={name: plan.images[SERVICES[name].image].reference for name in plan.services if not _made_on_host(name, plan)},
        url=way.url,
        resolve=way.resolve,
        ca=Path(way.ca) if way.ca else None,
        data=DATA_FOLDER,
        metrics=METRICS_FOLDER if plan.runs("node-exporter") else None,
        registry_data=REGISTRY_FOLDER,
        snapshots=SNAPSHOTS_FOLDER,
        gc=_gc(plan.settings),
        backup=backup_settings(plan.settings),
        recover=plan.settings.recover,
        undo=plan.settings.operations.undo,
        retention=plan.settings.sync.retention if plan.has_rules else (),
        sync=plan.settings.sync.mirror(names_here(plan.settings)) if plan.has_catalogue else None,
        **_upstreams(plan),
        moving=_moving(plan.settings),
        notify=notify_settings(plan.settings),
        watchdog_secret=WATCHDOG_URL if plan.settings.watchdog_url and plan.runs("alertmanager") else None,
        pings=plan.settings.operations.pings,
    )


def _gc(settings: Settings) -> GcSettings:
    """Return the rules of garbage collection; where there are backups, one of them has to be verified and recent."""
    rules = settings.operations.gc
    if settings.backup.target is None or "max_backup_age_days" in rules.model_fields_set:
        return rules
    return rules.model_copy(update={"max_backup_age_days": VERIFIED_WITHIN_DAYS})


def backup_settings(settings: Settings) -> BackupSettings:
    """Return the settings of backups, with the key of the Storage Box if they go there."""
    box = settings.hetzner.storage_box
    if settings.backup.target != STORAGE_BOX or not box or settings.backup.host_key or not box.host_key:
        return settings.backup
    return settings.backup.model_copy(update={"host_key": " ".join(box.host_key.split()[:2])})


def _upstreams(plan: Plan) -> dict[str, Any]:
    """Return where mirrored images come from: what the disk has damaged can be fetched from there again.

    Of which repositories, the catalogue says if there is one; an edit of it shall change nothing here.
    """
    if not plan.runs("regsync"):
        return {}
    sources: dict[str, set[str]] = {}
    for entry in plan.settings.sync.entries:
        sources.setdefault(entry.repository, set()).add(entry.upstream)
    return {
        "upstreams": {name: sorted(sources[name]) for name in sorted(sources)},
        "upstream_logins": plan.upstream_logins,
        "upstream_ca": plan.authorities.by_registry,
    }


def _moving(settings: Settings) -> tuple[str, ...]:
    """Return patterns of tags that move by design: the mirror brings a version again when upstream has built it again."""
    mirrored = {f"{entry.repository}:{entry.tag or '*'}" for entry in settings.sync.entries}
    mirrored |= {f"{pattern.replace('**', '*')}:*" for pattern in settings.sync.into}
    return (*settings.operations.moving, *sorted(mirrored))


def _made_on_host(service: str, plan: Plan) -> bool:
    """Whether a service's image is not from the lock: with CrowdSec on, the edge's image is built on the host."""
    return service == "edge" and plan.runs("crowdsec")


def kept_folders(settings: Settings) -> Sequence[str]:
    """Return the folders that `destroy` leaves in place: what is known about the images stays as long as the images."""
    return FOLDERS if settings.registry.keep_data else ()


def regops_part(plan: Plan, root: PurePosixPath) -> Part:
    """Return the configuration as a part of the release."""
    name, _, file = REGOPS_FILE.partition("/")
    return Part.of_text(name, {file: render(regops_config(plan, root))})
