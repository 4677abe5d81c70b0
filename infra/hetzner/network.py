"""Addresses that outlive the server, and the firewall, which says which ports are open."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud

from infra.blocks.hetzner import HetznerSettings

ANYWHERE = ("0.0.0.0/0", "::/0")


class Addresses(pulumi.ComponentResource):
    """Primary IPs: they stay when the server is replaced. Existing ones can be adopted.

    Attributes:
        ipv4: The Primary IP for IPv4.
        ipv6: The Primary IP for IPv6, a /64.
    """

    def __init__(
        self,
        name: str,
        settings: HetznerSettings,
        stack: str,
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:Addresses", name, {}, opts)
        self._settings, self._stack, self._labels = settings, stack, labels
        self.ipv4 = self._address("ipv4", settings.adopt.primary_ipv4)
        self.ipv6 = self._address("ipv6", settings.adopt.primary_ipv6)
        self.register_outputs({})

    @property
    def by_type(self) -> Mapping[str, tuple[hcloud.PrimaryIp, pulumi.Output[str]]]:
        """The Primary IPs, each with the server's address in it: in the IPv6 /64 it is the first one."""
        return {
            "A": (self.ipv4, self.ipv4.ip_address),
            "AAAA": (self.ipv6, self.ipv6.ip_address.apply(first_address)),
        }

    def _address(self, kind: str, adopted: int | None) -> hcloud.PrimaryIp:
        if adopted is not None:
            return hcloud.PrimaryIp.get(f"address-{kind}", str(adopted), opts=pulumi.ResourceOptions(parent=self))
        return hcloud.PrimaryIp(
            f"address-{kind}",
            name=f"{self._stack}-{kind}",
            type=kind,
            location=self._settings.location,
            # No assignee, so that creating or removing a server does not create or remove its address.
            auto_delete=False,
            delete_protection=self._settings.protect,
            labels=self._labels,
            opts=pulumi.ResourceOptions(parent=self, protect=self._settings.protect),
        )


def first_address(network: str) -> str:
    """Return the first address of a network; an address is returned as it is."""
    address = ipaddress.ip_address(network.partition("/")[0])
    return str(address if int(address) & 1 else address + 1)


def firewall(name: str, ssh_from: tuple[str, ...], labels: Mapping[str, str], parent: pulumi.Resource) -> hcloud.Firewall:
    """Return the firewall: everybody may reach the edge and ping, a few may use SSH; everything else is dropped.

    Args:
        name: Its name in the API.
        ssh_from: Networks that may reach port 22.
        labels: Its labels in the API.
        parent: The component that it belongs to.
    """
    rules = [
        _rule("HTTPS", "tcp", "443"),
        _rule("HTTP/3", "udp", "443"),
        _rule("HTTP: redirects to HTTPS, and ACME challenges", "tcp", "80"),
        _rule("SSH of the operators", "tcp", "22", ssh_from),
        # Path MTU discovery needs more than echo: RFC 4890 §4.3.
        _rule("ICMP", "icmp"),
    ]
    return hcloud.Firewall("firewall", name=name, rules=rules, labels=labels, opts=pulumi.ResourceOptions(parent=parent))


def _rule(
    description: str, protocol: str, port: str | None = None, sources: tuple[str, ...] = ANYWHERE
) -> hcloud.FirewallRuleArgs:
    return hcloud.FirewallRuleArgs(
        direction="in", description=description, protocol=protocol, port=port, source_ips=list(sources)
    )
