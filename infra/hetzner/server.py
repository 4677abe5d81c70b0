"""The server, and what it is created with."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud

from infra.blocks.hetzner import HetznerSettings
from infra.hetzner.cloud_init import user_data
from infra.hetzner.network import Addresses, firewall
from infra.keys import KeyPair


class Server(pulumi.ComponentResource):
    """One server behind a firewall, with addresses that outlive it.

    Attributes:
        server: The server.
    """

    def __init__(
        self,
        name: str,
        settings: HetznerSettings,
        stack: str,
        labels: Mapping[str, str],
        *,
        addresses: Addresses,
        login: KeyPair,
        host: KeyPair,
        ipv6: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:Server", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Two keys cannot have one name. It only matters for a new server.
        key_options = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        key = hcloud.SshKey("ssh-key", name=stack, public_key=login.public, labels=labels, opts=key_options)
        group = hcloud.PlacementGroup("placement", name=stack, type="spread", labels=labels, opts=child)
        wall = firewall(stack, settings.ssh_from, labels, self)
        data = pulumi.Output.all(private=host.private, public=host.public, login=login.public).apply(
            lambda keys: user_data(
                host_key=keys["private"],
                host_key_public=keys["public"],
                authorized_keys=[keys["login"], *settings.ssh_keys],
                ipv6=ipv6,
            )
        )
        self.server = hcloud.Server(
            "server",
            name=stack,
            server_type=settings.server_type,
            image=settings.image,
            location=settings.location,
            user_data=data,
            # Without a key Hetzner sends a password by mail, which must be changed at the first login.
            ssh_keys=[key.id],
            firewall_ids=[wall.id.apply(int)],
            placement_group_id=group.id.apply(int),
            public_nets=[
                hcloud.ServerPublicNetArgs(
                    ipv4_enabled=True,
                    ipv4=addresses.ipv4.id.apply(int),
                    ipv6_enabled=True,
                    ipv6=addresses.ipv6.id.apply(int),
                )
            ],
            backups=settings.backups,
            # The API accepts only both or neither: https://docs.hetzner.cloud/reference/cloud#server-actions-change-server-protection
            delete_protection=settings.protect,
            rebuild_protection=settings.protect,
            # So that the server can go back to a smaller type later.
            keep_disk=True,
            shutdown_before_deletion=True,
            labels=labels,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                # They are for a new server. A change would replace the server, and its disk would be lost.
                ignore_changes=["userData", "sshKeys", "image"],
                # A new server can only get the addresses and the volume once the old one is gone.
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})
