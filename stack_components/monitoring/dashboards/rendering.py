"""All dashboards of a stack, as files."""

from __future__ import annotations

from collections.abc import Mapping

from stack_components.monitoring.dashboards.budget import budget
from stack_components.monitoring.dashboards.host import host
from stack_components.monitoring.dashboards.mirror import mirror
from stack_components.monitoring.dashboards.overview import overview
from stack_components.monitoring.dashboards.protection import protection
from stack_components.monitoring.dashboards.recovery import recovery
from stack_components.monitoring.dashboards.registry import registry
from stack_components.monitoring.dashboards.shown import Shown


def rendered(shown: Shown) -> Mapping[str, str]:
    """Return the dashboards by name, as JSON. What there is nothing to show of is left out."""
    found = {"overview": overview(shown), "registry": registry(shown), "host": host(shown), "protection": protection(shown)}
    if shown.mirror and shown.runs("node-exporter"):
        found["mirror"] = mirror()
    if shown.runs("node-exporter"):
        found["recovery"] = recovery(shown)
    if shown.runs("blackbox-exporter"):
        found["error-budget"] = budget(shown)
    return found
