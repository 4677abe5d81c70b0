"""The volume that holds the data, and its attachment to the server. It outlives the server and can grow."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud

from infra.blocks.hetzner import HetznerSettings, VolumeSettings

FILESYSTEM = "ext4"


class DataVolume(pulumi.ComponentResource):
    """A new or an existing volume, attached to the server.

    Attributes:
        device: Path of the block device on the server.
        size_gb: Its size.
        attached: The attachment; once it exists, the volume can be mounted.
    """

    def __init__(
        self,
        name: str,
        volume: VolumeSettings,
        settings: HetznerSettings,
        stack: str,
        labels: Mapping[str, str],
        *,
        server: hcloud.Server,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:DataVolume", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        data = hcloud.Volume.get("data", str(volume.id), opts=child) if volume.id else self._new(volume, settings, stack, labels)
        self.device, self.size_gb = data.linux_device, data.size
        self.attached = hcloud.VolumeAttachment(
            "data-attachment",
            volume_id=data.id.apply(int),
            server_id=server.id.apply(int),
            automount=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                # Detached from a running server, it would lose what has not been written yet. A server that is deleted shuts
                # down first, which unmounts the volume, and then the API detaches it.
                retain_on_delete=True,
            ),
        )
        self.register_outputs({})

    def _new(self, volume: VolumeSettings, settings: HetznerSettings, stack: str, labels: Mapping[str, str]) -> hcloud.Volume:
        if volume.size_gb is None:
            raise ValueError("a new volume needs a size")
        return hcloud.Volume(
            "data",
            name=stack,
            size=volume.size_gb,
            location=settings.location,
            format=FILESYSTEM,
            delete_protection=settings.protect,
            labels=labels,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                # A change of its location would replace it, and the data would be lost; a change of its format would do nothing.
                ignore_changes=["location", "format"],
            ),
        )
