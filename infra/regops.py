"""What `regops` is told about a stack, and where it keeps what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from infra.plan import Plan
from infra.reach import reach
from infra.release import Part
from infra.settings import Settings
from ops.config import REGOPS_FILE, RegopsConfig, render

# Below the root.
DATA_FOLDER = "data/regops"
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
        url=way.url,
        resolve=way.resolve,
        ca=Path(way.ca) if way.ca else None,
        data=DATA_FOLDER,
        metrics=METRICS_FOLDER if plan.runs("node-exporter") else None,
        notify=plan.settings.operations.notify,
        pings=plan.settings.operations.pings,
    )


def kept_folders(settings: Settings) -> Sequence[str]:
    """Return the folders that stay when the stack goes: what is known of the images stays as long as they do."""
    return [DATA_FOLDER] if settings.registry.keep_data else []


def regops_part(plan: Plan, root: PurePosixPath) -> Part:
    """Return it as a part of the release."""
    name, _, file = REGOPS_FILE.partition("/")
    return Part.of_text(name, {file: render(regops_config(plan, root))})
