"""The networks: a table of who is on which. Two services reach each other only if they share a network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker
from pulumi_docker import outputs as docker_outputs

from infra.host import Host
from infra.look import Wanted
from infra.plan import Plan
from ops.config import container_name
from stack_components.labels import stack_labels


@dataclass(frozen=True)
class NetworkKind:
    """A row of the table.

    Attributes:
        purpose: What it is for.
        members: Services that join it, if they run.
        outside: Whether it reaches the Internet; other networks have no route out, and processes of the host no route in.
        apart: Whether its members only reach the outside, not each other.
    """

    purpose: str
    members: tuple[str, ...]
    outside: bool = False
    apart: bool = False


NETWORKS: Mapping[str, NetworkKind] = {
    "edge": NetworkKind("clients from outside", ("edge",), outside=True),
    "app": NetworkKind("the registry's API, tokens, events", ("edge", "registry", "gateway")),
    "data": NetworkKind("the registry's cache", ("registry", "cache", "redis-exporter")),
    "inner": NetworkKind(
        "clients on this host, which go through the edge too", ("edge", "regsync", "regbot", "blackbox-exporter")
    ),
    "console": NetworkKind("the pages of the console", ("edge", "console")),
    # So whoever is in the console has no way to Grafana, which believes what it is told about who is signed on.
    "console-metrics": NetworkKind("what the console and Prometheus ask each other", ("console", "prometheus")),
    "ui": NetworkKind("the pages of the UI", ("edge", "ui")),
    "dashboards": NetworkKind("the pages and the data of dashboards", ("edge", "grafana", "prometheus")),
    "metrics": NetworkKind(
        "what Prometheus scrapes, and its alerts",
        (
            "prometheus",
            "alertmanager",
            "edge",
            "cadvisor",
            "node-exporter",
            "redis-exporter",
            "blackbox-exporter",
            "crowdsec",
        ),
    ),
    # So Prometheus is not on `app`, where the gateway believes what it is told about clients.
    "registry-metrics": NetworkKind("the registry's debug port", ("registry", "prometheus")),
    # The gateway's metrics have their own network too: whoever reaches its other port could claim any client address.
    "gateway-metrics": NetworkKind("the gateway's metrics", ("gateway", "prometheus")),
    # Likewise where it takes alerts.
    "alerts": NetworkKind("alerts, on their way to messages", ("alertmanager", "gateway")),
    "protection": NetworkKind("decisions about whom to ban", ("edge", "crowdsec")),
    "sign-on": NetworkKind("who is signed on", ("edge", "oauth2-proxy")),
    "management": NetworkKind("the pages of Portainer", ("edge", "portainer")),
    "cadvisor-socket": NetworkKind("requests to the Docker engine, read-only", ("cadvisor", "cadvisor-socket")),
    "portainer-socket": NetworkKind("requests to the Docker engine", ("portainer", "portainer-socket")),
    "egress": NetworkKind(
        "requests of services to the Internet",
        ("regsync", "crowdsec", "oauth2-proxy"),
        outside=True,
        apart=True,
    ),
}


class Networks(pulumi.ComponentResource):
    """The networks of a stack: those of the table that a running service needs."""

    def __init__(self, name: str, plan: Plan, host: Host, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:network:Networks", name, {}, opts)
        self._plan, self._host = plan, host
        self._made = {kind: self._network(kind) for kind in needed(plan)}
        self.register_outputs({})

    def of(self, service: str) -> Sequence[docker.ContainerNetworksAdvancedArgs]:
        """Return the networks that a service joins. Its name is `<service>`, and `<service>.<network>` on that network only."""
        return [
            docker.ContainerNetworksAdvancedArgs(
                name=made.name, aliases=[service, f"{service}.{name}", *self._public_names(service, name)]
            )
            for name, made in self._made.items()
            if service in NETWORKS[name].members
        ]

    def host_address(self, network: str) -> pulumi.Output[str]:
        """Return the address that connections from this host to a published port have, seen from a network: its gateway's."""
        return self._made[network].ipam_configs.apply(_gateway)

    def _public_names(self, service: str, network: str) -> list[str]:
        """Return the name by which clients on this host reach the edge with TLS, without going through the Internet."""
        settings = self._plan.settings
        inside = (service, network) == ("edge", "inner") and not settings.is_local
        return [settings.registry_host.partition(":")[0]] if inside else []

    def _network(self, name: str) -> docker.Network:
        kind = NETWORKS[name]
        ipv6 = name == "edge" and self._plan.settings.edge.ipv6
        full_name = network_name(self._plan, name)
        revision = self._host.seen.apply(lambda seen: seen.network(full_name))
        return docker.Network(
            f"network-{name}",
            name=full_name,
            driver="bridge",
            internal=not kind.outside,
            ipv6=ipv6 or None,
            # Engines before 27 do not choose an IPv6 subnet. Without one, all IPv6 clients would appear to have the same address:
            # https://github.com/moby/moby/issues/52945
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=_private_subnet(self._plan.settings.name))] if ipv6 else None,
            options=_options(kind) or None,
            labels=stack_labels(self._plan.settings, self._host, revision).apply(
                lambda labels: [docker.NetworkLabelArgs(label=key, value=value) for key, value in labels.items()]
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._host.docker,
                # The engine adds an IPv4 subnet, which the plugin would see as a change at every refresh.
                ignore_changes=["ipamConfigs"] if ipv6 else None,
            ),
        )


def _options(kind: NetworkKind) -> dict[str, str]:
    options = {"com.docker.network.bridge.enable_icc": "false"} if kind.apart else {}
    # Without an address of its own there, the host has no way to the containers: else every local process could reach every port.
    # A network with a way out needs it, as the containers' gateway.
    return options if kind.outside else {**options, "com.docker.network.bridge.inhibit_ipv4": "true"}


def _gateway(configs: Sequence[docker_outputs.NetworkIpamConfig] | None) -> str:
    """Return the IPv4 gateway; without one, which no engine leaves out, an address that nobody has."""
    given = [str(one.gateway or "").partition("/")[0] for one in configs or ()]
    return next((address for address in given if "." in address), "192.0.2.255")


def network_name(plan: Plan, network: str) -> str:
    """Return the name that a network has in the Docker engine."""
    return f"{plan.settings.name}-{network}"


def wanted(plan: Plan) -> Wanted:
    """Return what the stack should have in the Docker engine."""
    names = {name: network_name(plan, name) for name in needed(plan)}
    return Wanted(
        networks=list(names.values()),
        containers={
            container_name(plan.settings.name, service): [
                there for name, there in names.items() if service in NETWORKS[name].members
            ]
            for service in plan.services
        },
    )


def needed(plan: Plan) -> list[str]:
    """Return the names of the networks that are needed: those on which a running service reaches something."""
    running = {name: [member for member in kind.members if plan.runs(member)] for name, kind in NETWORKS.items()}
    return [name for name, members in running.items() if len(members) > (0 if NETWORKS[name].outside else 1)]


def _private_subnet(name: str) -> str:
    """Return a private IPv6 subnet for this stack only: 40 of its bits are a hash of the name (RFC 4193 §3.2.2)."""
    digits = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"fd{digits[:2]}:{digits[2:6]}:{digits[6:10]}::/64"
