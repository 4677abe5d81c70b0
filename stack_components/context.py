"""What every component is given: the stack's settings, images, networks, and the provisioned host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.host import Host, Shipped
from infra.images import Image
from infra.settings import Settings
from stack_components.networks import Networks


@dataclass(frozen=True)
class Context:
    """The surroundings of a component; the same for all of them."""

    settings: Settings
    images: Mapping[str, Image]
    host: Host
    shipped: Shipped
    networks: Networks

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels that say which stack a container belongs to, and where that stack lives."""
        return stack_labels(self.settings, self.host)

    def options(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return options for a Docker resource on this host."""
        return pulumi.ResourceOptions(parent=parent, provider=self.host.docker)


def stack_labels(settings: Settings, host: Host) -> Mapping[str, str]:
    """Return the labels of everything that a stack creates in a Docker engine."""
    return {"private-registry.name": settings.name, "private-registry.root": str(host.root)}
