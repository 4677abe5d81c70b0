"""The labels of everything that a stack creates in a Docker engine."""

from __future__ import annotations

from collections.abc import Mapping

from infra.host import Host
from infra.settings import Settings


def stack_labels(settings: Settings, host: Host) -> Mapping[str, str]:
    """Return the labels that say which stack a resource belongs to, and where that stack's folder is."""
    return {"private-registry.name": settings.name, "private-registry.root": str(host.root)}
