"""What `regops` is told about a stack, and where it keeps what it knows."""

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
# Beside the registry's own folder, on its file system: snapshots are links to its files.
SNAPSHOTS_FOLDER = "data/snapshots"
REGISTRY_FOLDER = "data/registry"
FOLDERS = (DATA_FOLDER, SNAPSHOTS_FOLDER)
_REGISTRY_DEBUG_PORT = 5001
# Text files (`*.prom`) with metrics of tasks, which the node exporter adds to its own. It is where the stack's data are, so that
# its disk is theirs.
METRICS_FOLDER = "data/metrics"


def regops_config(plan: Plan, root: PurePosixPath) -> RegopsConfig:
    """Return what `regops` reads.

    Args:
        plan: What runs.
        root: The stack's folder on the host.
    """
    way = reach(plan.settings, root)
    return RegopsConfig(
        stack=plan.settings.name,
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
    """Whether a service's image is none of the lock: that of an edge which asks CrowdSec is built on the host."""
    return service == "edge" and plan.runs("crowdsec")


def kept_folders(settings: Settings) -> Sequence[str]:
    """Return the folders that stay when the stack goes: what is known of the images stays as long as they do."""
    return FOLDERS if settings.registry.keep_data else ()


def registry_debug_address(plan: Plan) -> str:
    """Return where the registry's debug port listens: on the address of one network alone, whose name there nobody else has."""
    host = "registry.registry-metrics" if plan.runs("prometheus") else "127.0.0.1"
    return f"{host}:{_REGISTRY_DEBUG_PORT}"


def regops_part(plan: Plan, root: PurePosixPath) -> Part:
    """Return it as a part of the release."""
    name, _, file = REGOPS_FILE.partition("/")
    return Part.of_text(name, {file: render(regops_config(plan, root))})
