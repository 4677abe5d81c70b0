"""The registry's name: its records where the zone is at Hetzner, and the way back from the addresses to it."""

from __future__ import annotations

import pulumi
import pulumi_hcloud as hcloud

from infra.hetzner.network import Addresses

_TTL_S = 300


class Names(pulumi.ComponentResource):
    """Records and reverse records of the registry's name; none for a registry that is reached by its address."""

    def __init__(
        self, name: str, host: str, zone: str | None, addresses: Addresses, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("private-registry:hetzner:Names", name, {}, opts)
        for kind, (primary_ip, address) in addresses.by_type.items():
            hcloud.Rdns(
                f"reverse-{kind.lower()}",
                primary_ip_id=primary_ip.id.apply(int),
                ip_address=address,
                dns_ptr=host,
                opts=pulumi.ResourceOptions(parent=self),
            )
            if zone:
                hcloud.ZoneRrset(
                    f"record-{kind.lower()}",
                    zone=zone,
                    name=record_name(host, zone),
                    type=kind,
                    ttl=_TTL_S,
                    records=[hcloud.ZoneRrsetRecordArgs(value=address)],
                    opts=pulumi.ResourceOptions(parent=self),
                )
        self.register_outputs({})


def record_name(host: str, zone: str) -> str:
    """Return a host's name as its zone has it: `@` for the zone itself."""
    return "@" if host == zone else host.removesuffix(f".{zone}")
