"""The labels of everything that a stack creates in a Docker engine."""

from __future__ import annotations

from collections.abc import Mapping

from infra.host import Host
from infra.settings import Settings


def stack_labels(settings: Settings, host: Host) -> Mapping[str, str]:
    """Return which stack something belongs to, and where that stack lives."""
    return {"private-registry.name": settings.name, "private-registry.root": str(host.root)}
