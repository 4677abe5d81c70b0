"""Settings of the Hetzner place: what is rented, who may reach it by SSH, and what must not be lost."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ops.config import Strict

_PUBLIC_KEY = re.compile(r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?$")


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


def _public_key(text: str) -> str:
    if not _PUBLIC_KEY.fullmatch(text.strip()):
        raise ValueError("should be a public key in one line, as in ~/.ssh/id_ed25519.pub")
    return text.strip()


Network = Annotated[str, AfterValidator(_network)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Id = Annotated[int, Field(ge=1)]


class SnapshotSettings(Strict):
    """Snapshots that the Storage Box makes of itself, by a clock in UTC. No key that is on the server can remove them.

    Attributes:
        keep: How many there are; the oldest makes room.
        hour: Of the day.
        minute: Of the hour.
        day_of_week: 0 is Sunday; every day when not set.
    """

    keep: Annotated[int, Field(ge=1, le=40)] = 10
    hour: Annotated[int, Field(ge=0, le=23)] = 3
    minute: Annotated[int, Field(ge=0, le=59)] = 40
    day_of_week: Annotated[int, Field(ge=0, le=6)] | None = None


class StorageBoxSettings(Strict):
    """Where backups go: a Storage Box that is there, by its id, or a new one.

    Attributes:
        id: Of an existing one; it is never changed or removed.
        type: Of a new one.
        location: Of a new one; better not that of the server.
        folder: Of the backups, below the box's root.
        host_key: Public key of the box's SSH service on port 23. Without it the first connection is trusted.
        snapshots: Of a new one; an existing one keeps its own.
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
            raise ValueError(f"{', '.join(sorted(new))}: belongs to a new box, and id names one that is there; give either")
        return self


class VolumeSettings(Strict):
    """Where data lives instead of the server's own disk: a volume that is there, by its id, or a new one.

    Attributes:
        id: Of an existing one in the server's location, with a file system; it is never changed or removed.
        size_gb: Of a new one; it can grow, and never shrink.
    """

    id: Id | None = None
    # https://docs.hetzner.cloud/reference/cloud#volumes-create-a-volume
    size_gb: Annotated[int, Field(ge=10, le=10240)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> VolumeSettings:
        if (self.id is None) is (self.size_gb is None):
            raise ValueError("id names a volume that is there, and size_gb makes a new one; give either")
        return self


class AdoptSettings(Strict):
    """Resources that are there already and stay when the stack goes, by id: so that a lost state costs no address (D16).

    Attributes:
        primary_ipv4: A Primary IP in the server's location.
        primary_ipv6: Likewise.
    """

    primary_ipv4: Id | None = None
    primary_ipv6: Id | None = None


class HetznerSettings(Strict):
    """What is rented at Hetzner.

    Attributes:
        location: Of server and addresses.
        server_type: Of the server; a change restarts it, and keeps its disk.
        image: The operating system of a new server; what is there is not changed.
        ssh_from: Networks that may reach port 22: those of the people and machines that run this program.
        ssh_keys: Public keys of people who may log in as root beside the program.
        backups: Whether Hetzner makes daily backups of the server's disk.
        protect: Whether server, addresses, volume and Storage Box are kept from being replaced or removed. To remove them, say
            false and run `up`, and then `destroy`.
        dns_zone: The zone at Hetzner in which the registry's name gets its addresses; none for a zone elsewhere.
        volume: Where the data lives; on the server's own disk when not set.
        storage_box: Where backups go; false for nowhere.
        adopt: What is there already.
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
