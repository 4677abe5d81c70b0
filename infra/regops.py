"""The configuration of `regops`, and the folders that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from infra.plan import Plan
from infra.reach import reach
from infra.release import Part
from infra.services import SERVICES
from infra.settings import Settings
from ops.config import REGOPS_FILE, RegopsConfig, render

# Below the root.
ALL_DATA = "data"
DATA_FOLDER = "data/regops"
# On the same file system as the registry's folder, because garbage collection moves blobs there.
SNAPSHOTS_FOLDER = "data/snapshots"
REGISTRY_FOLDER = "data/registry"
FOLDERS = (DATA_FOLDER, SNAPSHOTS_FOLDER)
_REGISTRY_DEBUG_PORT = 5001
# The node exporter reads the tasks' metrics here (`*.prom`). The folder is on the disk of the stack's data, which the exporter
# measures by it.
METRICS_FOLDER = "data/metrics"
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
        registry_metrics=f"http://{registry_debug_address(plan)}/metrics",
        snapshots=SNAPSHOTS_FOLDER,
        gc=plan.settings.operations.gc,
        undo=plan.settings.operations.undo,
        notify=plan.settings.operations.notify,
        pings=plan.settings.operations.pings,
    )


def _made_on_host(service: str, plan: Plan) -> bool:
    """Whether a service's image is not from the lock: with CrowdSec on, the edge's image is built on the host."""
    return service == "edge" and plan.runs("crowdsec")


def kept_folders(settings: Settings) -> Sequence[str]:
    """Return the folders that `destroy` leaves in place: what is known about the images stays as long as the images."""
    return FOLDERS if settings.registry.keep_data else ()


def registry_debug_address(plan: Plan) -> str:
    """Return where the registry's debug port listens: on one network only, by a name that is unique there."""
    host = "registry.registry-metrics" if plan.runs("prometheus") else "127.0.0.1"
    return f"{host}:{_REGISTRY_DEBUG_PORT}"


def regops_part(plan: Plan, root: PurePosixPath) -> Part:
    """Return the configuration as a part of the release."""
    name, _, file = REGOPS_FILE.partition("/")
    return Part.of_text(name, {file: render(regops_config(plan, root))})
