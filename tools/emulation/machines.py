"""What the emulated API needs from the machines behind it: servers that boot, and Storage Boxes to log in to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class VolumeSpec:
    """A block device that outlives the server that has it.

    Attributes:
        id: The API's id.
        size_gb: It can only grow.
        format: The file system for a new one; None for none.
    """

    id: int
    size_gb: int
    format: str | None


@dataclass(frozen=True)
class ServerSpec:
    """A server to boot.

    Attributes:
        id: The API's id.
        name: Its host name.
        address: Its IPv4 address: a loopback address of this machine.
        user_data: For cloud-init; may be empty.
        authorized_keys: OpenSSH public keys for root.
        volumes: The attached volumes.
    """

    id: int
    name: str
    address: str
    user_data: str
    authorized_keys: Sequence[str]
    volumes: Sequence[VolumeSpec] = ()


@dataclass(frozen=True)
class BoxAccount:
    """An account of a Storage Box.

    Attributes:
        username: `u1` for the main one, `u1-sub1` for a sub-account.
        password: Always accepted, as the real ones are.
        home: Its folder within the main account's; empty for the main account.
        readonly: Whether it cannot change anything.
        ssh: Whether it may log in by SSH.
        authorized_keys: OpenSSH public keys given to the API.
    """

    username: str
    password: str
    home: str
    readonly: bool
    ssh: bool
    authorized_keys: Sequence[str] = ()


class Machines(Protocol):
    """The machines behind the API. Every method returns once it is done, and is safe to repeat."""

    def boot(self, server: ServerSpec) -> None:
        """Start a server: a new one, or one that is off, with the disk it had."""

    def power_off(self, server_id: int) -> None:
        """Cut the power. The disk stays."""

    def delete_server(self, server_id: int) -> None:
        """Remove a server and its disk."""

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        """Give a running server exactly these volumes, at their sizes; new ones are created and formatted first.

        One that is taken away is like a disk that is pulled: what has not been written is lost. Nothing happens to a server
        that is off, which gets its volumes when it starts.
        """

    def delete_volume(self, volume_id: int) -> None:
        """Remove an unattached volume and its data."""

    def serve_box(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        """Give a Storage Box exactly these accounts; a new one is created first, an existing one keeps its data.

        Args:
            box_id: The API's.
            host: The name under which servers reach it.
            accounts: The main account first.
        """

    def delete_box(self, box_id: int) -> None:
        """Remove a Storage Box and its data."""
