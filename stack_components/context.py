"""What every component gets: the plan, the networks and the provisioned host."""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi

from infra.host import Host, ProvisionedHost, RolloutEntry
from infra.plan import Plan
from infra.secrets import Secrets
from infra.settings import Settings
from stack_components.networks import Networks


@dataclass(frozen=True)
class Context:
    """What a component is created with; it is the same for all components. Each service that is created enters `rollout`."""

    plan: Plan
    host: Host
    provisioned: ProvisionedHost
    networks: Networks
    secrets: Secrets
    rollout: dict[str, RolloutEntry] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The stack's settings."""
        return self.plan.settings

    def options(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return the options of a Docker resource on this host."""
        return pulumi.ResourceOptions(parent=parent, provider=self.host.docker)
