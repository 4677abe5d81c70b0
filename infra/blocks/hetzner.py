"""Settings of the Hetzner place: what is rented, who may connect by SSH, and what must not be lost."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from infra.blocks.addresses import Network
from ops.config import Strict

_PUBLIC_KEY = re.compile(r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?$")


def _public_key(text: str) -> str:
    if not _PUBLIC_KEY.fullmatch(text.strip()):
        raise ValueError("should be a public key on one line, as in ~/.ssh/id_ed25519.pub")
    return text.strip()


PublicKey = Annotated[str, AfterValidator(_public_key)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Id = Annotated[int, Field(ge=1)]


class SnapshotSettings(Strict):
    """Snapshots that the Storage Box takes of itself, at a time in UTC. No key on the server can delete them.

    Attributes:
        keep: How many are kept; a new one replaces the oldest.
        hour: Hour of the day.
        minute: Minute of the hour.
        day_of_week: Day of the week, where 0 is Sunday. If it is not set, snapshots are taken every day.
    """

    keep: Annotated[int, Field(ge=1, le=40)] = 10
    hour: Annotated[int, Field(ge=0, le=23)] = 3
    minute: Annotated[int, Field(ge=0, le=59)] = 40
    day_of_week: Annotated[int, Field(ge=0, le=6)] | None = None


class StorageBoxSettings(Strict):
    """Where backups go: an existing Storage Box, by its id, or a new one.

    Attributes:
        id: Id of an existing box; the program never changes or removes it.
        type: Type of a new box.
        location: Location of a new box; choose another one than the server's.
        folder: Folder of the backups, below the box's root.
        host_key: Public key of the box's SSH service on port 23. Without it the first connection is trusted.
        snapshots: Snapshots of a new box; an existing box keeps its own plan.
    """

    id: Id | None = None
    type: Name = "bx11"
    location: Name = "hel1"
    folder: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9/_-]*$")] = "private-registry"
    host_key: PublicKey | None = None
    snapshots: SnapshotSettings = SnapshotSettings()

    @model_validator(mode="after")
    def _one_of_two(self) -> StorageBoxSettings:
        new = {"type", "location", "snapshots"} & self.model_fields_set
        if self.id is not None and new:
            raise ValueError(
                f"{', '.join(sorted(new))} is for a new box, but id is that of an existing one; give one or the other"
            )
        return self


class VolumeSettings(Strict):
    """A volume for the data, instead of the server's own disk: an existing volume, by its id, or a new one.

    Attributes:
        id: Id of an existing volume in the server's location, with a file system; the program never changes or removes it.
        size_gb: Size of a new volume; it can grow but never shrink.
    """

    id: Id | None = None
    # https://docs.hetzner.cloud/reference/cloud#volumes-create-a-volume
    size_gb: Annotated[int, Field(ge=10, le=10240)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> VolumeSettings:
        if (self.id is None) is (self.size_gb is None):
            raise ValueError("id is for an existing volume, size_gb for a new one; give one or the other")
        return self


class AdoptSettings(Strict):
    """Existing resources to use, by id. They stay when the stack is destroyed, so a lost state does not cost the addresses (D16).

    Attributes:
        primary_ipv4: Id of a Primary IP (IPv4) in the server's location.
        primary_ipv6: Id of a Primary IP (IPv6) in the server's location.
    """

    primary_ipv4: Id | None = None
    primary_ipv6: Id | None = None


class HetznerSettings(Strict):
    """What is rented at Hetzner.

    Attributes:
        location: Location of the server and its addresses.
        server_type: Type of the server. Changing it restarts the server; its disk stays as it is.
        image: Operating system of a new server; an existing one is not changed.
        ssh_from: Networks that may reach port 22: those of the people and machines that run this program.
        ssh_keys: Public keys of people who may log in as root, besides the program.
        backups: Whether Hetzner takes daily backups of the server's disk.
        protect: Whether server, addresses, volume and Storage Box are protected from being replaced or removed. To remove them,
            set this to false and run `up`, then `destroy`.
        dns_zone: The DNS zone at Hetzner that gets the records of the registry's name; not set if the zone is elsewhere.
        volume: A volume for the data; without it the data is on the server's own disk.
        storage_box: Where backups go; false for no box.
        adopt: Existing addresses to use.
    """

    location: Name = "fsn1"
    server_type: Name = "cx33"
    image: Name = "debian-13"
    ssh_from: tuple[Network, ...] = ()
    ssh_keys: tuple[PublicKey, ...] = ()
    backups: bool = False
    protect: bool = True
    dns_zone: Annotated[str, Field(pattern=r"^[a-z0-9.-]+\.[a-z]+$")] | None = None
    volume: VolumeSettings | None = None
    storage_box: StorageBoxSettings | Literal[False] = StorageBoxSettings()
    adopt: AdoptSettings = AdoptSettings()
