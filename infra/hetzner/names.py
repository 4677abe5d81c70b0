"""The registry's name in DNS: its records, if the zone is at Hetzner, and the reverse records of its addresses."""

from __future__ import annotations

import pulumi
import pulumi_hcloud as hcloud

from infra.hetzner.network import Addresses

_TTL_S = 300


class Names(pulumi.ComponentResource):
    """The DNS records and reverse records of the registry's name."""

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
    """Return the name of a host relative to its zone: `@` for the zone itself."""
    return "@" if host == zone else host.removesuffix(f".{zone}")
