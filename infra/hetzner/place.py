"""The Hetzner place: from an API token to a server that answers by SSH, and a Storage Box for its backups."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_hcloud as hcloud

from infra.blocks.rotation import LOGIN_KEY
from infra.hetzner import mount
from infra.hetzner.names import Names
from infra.hetzner.network import Addresses
from infra.hetzner.prepare import PACKAGES, prepare_script
from infra.hetzner.server import Server
from infra.hetzner.storage_box import StorageBox
from infra.hetzner.volume import DataVolume
from infra.keys import KeyPair, LoginKeys
from infra.server.files import ROOT
from infra.settings import Settings
from infra.ssh_host import Machine
from ops.config import STORAGE_BOX

LABEL = "private-registry"
# The second mounts backups, from which a recovery serves.
_FOR_BACKUPS = ("restic", "fuse3")


class HetznerPlace(pulumi.ComponentResource):
    """What is rented. The provider reads the token: HCLOUD_TOKEN, or `pulumi config set --secret hcloud:token`.

    Attributes:
        machine: The server, as a Host needs it.
        ipv6: The server's IPv6 address.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:hetzner:Place", name, {}, opts)
        self._settings, self._labels = settings, {LABEL: settings.name}
        rented, child = settings.hetzner, pulumi.ResourceOptions(parent=self)
        keys, host = LoginKeys(settings.rotation_of(LOGIN_KEY), child), KeyPair("host-key", child)
        login = keys.used
        addresses = Addresses("addresses", rented, settings.name, self._labels, child)
        server = Server(
            "server",
            rented,
            settings.name,
            self._labels,
            addresses=addresses,
            login=login,
            host=host,
            ipv6=settings.edge.ipv6,
            opts=child,
        )
        public = settings.registry_host.partition(":")[0]
        if not _is_address(public):
            Names("names", public, rented.dns_zone, addresses, child)
        volume = self._volume(server.server)
        _, self.ipv6 = addresses.by_type["AAAA"]
        self.machine = Machine(
            address=addresses.ipv4.ip_address,
            private_key=login.private,
            host_key=host.public,
            made=[server.server, *([volume.attached] if volume else [])],
            prepare=self._prepare(volume, keys.change),
            kind=rented.server_type,
        )
        self.register_outputs({})

    def _prepare(self, volume: DataVolume | None, keys: pulumi.Output[str]) -> pulumi.Input[str]:
        packages = [*PACKAGES, *(_FOR_BACKUPS if self._settings.backup.target else [])]
        if volume is None:
            return keys.apply(lambda change: change + prepare_script(packages))

        def script(known: Mapping[str, Any]) -> str:
            mounts = mount.mount_script(device=known["device"], folder=str(ROOT), size_gb=known["size_gb"])
            return str(known["keys"]) + prepare_script([*packages, *mount.PACKAGES], mounts)

        return pulumi.Output.all(device=volume.device, size_gb=volume.size_gb, keys=keys).apply(script)

    def _volume(self, server: hcloud.Server) -> DataVolume | None:
        rented = self._settings.hetzner
        if rented.volume is None:
            return None
        opts = pulumi.ResourceOptions(parent=self)
        return DataVolume("volume", rented.volume, rented, self._settings.name, self._labels, server=server, opts=opts)

    def storage_box(self, after: pulumi.Resource) -> StorageBox | None:
        """Return the Storage Box; None if the stack has none.

        Args:
            after: What must exist before the server can be used as a jump host.
        """
        box = self._settings.hetzner.storage_box
        if not box:
            return None
        return StorageBox(
            "storage-box",
            box,
            self._settings.name,
            self._labels,
            protect=self._settings.hetzner.protect,
            append_only=self._settings.backup.target == STORAGE_BOX and self._settings.backup.is_append_only,
            through=self.machine.connection,
            after=after,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
