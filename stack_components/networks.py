"""The networks: only the edge's reaches outside; the others are internal, each holding just those who talk to each other."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from infra.host import Host


class Networks(pulumi.ComponentResource):
    """The networks of the stack, by name: edge (outside), app (edge, registry, gateway), data (registry, cache)."""

    def __init__(
        self,
        name: str,
        *,
        prefix: str,
        labels: Mapping[str, str],
        host: Host,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:network:Networks", name, {}, opts)
        self._prefix, self._labels, self._host = prefix, labels, host
        self.edge = self._network("edge", internal=False)
        self.app = self._network("app", internal=True)
        self.data = self._network("data", internal=True)
        self.register_outputs({})

    def _network(self, name: str, *, internal: bool) -> docker.Network:
        labels = [docker.NetworkLabelArgs(label=key, value=value) for key, value in self._labels.items()]
        return docker.Network(
            f"network-{name}",
            name=f"{self._prefix}-{name}",
            driver="bridge",
            internal=internal,
            labels=labels,
            opts=pulumi.ResourceOptions(parent=self, provider=self._host.docker),
        )
