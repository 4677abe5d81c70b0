"""What the dashboards of a stack depend on: without any library of Grafana's, so that who has them rendered already is quick."""

from __future__ import annotations

from dataclasses import dataclass

from infra.plan import Plan

DATASOURCE_UID = "prometheus"
# All dashboards have it: the links between them go by it.
TAG = "private-registry"


@dataclass(frozen=True)
class Shown:
    """What there is to show. Equal ones have the same dashboards, byte for byte.

    Attributes:
        services: The services that run; what the others would measure is left out.
        mirror: Whether images are mirrored by a catalogue.
        backups: Whether there are backups.
    """

    services: frozenset[str]
    mirror: bool
    backups: bool

    @classmethod
    def of(cls, plan: Plan) -> Shown:
        """Return what there is to show of a stack."""
        return cls(frozenset(plan.services), mirror=plan.has_catalogue, backups=plan.settings.backup.target is not None)

    def runs(self, service: str) -> bool:
        """Whether a service runs."""
        return service in self.services
