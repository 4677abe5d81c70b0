"""What the emulated API asks of the machines behind it: servers that boot, and Storage Boxes that accounts log in to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class VolumeSpec:
    """A block device that outlives the server that has it.

    Attributes:
        id: The API's.
        size_gb: It only ever grows.
        format: What a new one is formatted with; None for nothing.
    """

    id: int
    size_gb: int
    format: str | None


@dataclass(frozen=True)
class ServerSpec:
    """A server to boot.

    Attributes:
        id: The API's.
        name: Its host name.
        address: The IPv4 address under which it is reached: a loopback address of this machine.
        user_data: For cloud-init; may be empty.
        authorized_keys: OpenSSH public keys for root.
        volumes: Those attached to it.
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
        home: Its folder below that of the main account; empty for the main account.
        readonly: Whether it cannot change anything.
        ssh: Whether it may log in by SSH.
        authorized_keys: OpenSSH public keys that the API was given.
    """

    username: str
    password: str
    home: str
    readonly: bool
    ssh: bool
    authorized_keys: Sequence[str] = ()


class Machines(Protocol):
    """Machines behind the API. Every method returns when it is done, and can be called again."""

    def boot(self, server: ServerSpec) -> None:
        """Start a server: a new one, or one that is off, whose disk is then as it was."""

    def power_off(self, server_id: int) -> None:
        """Cut the power. The disk stays."""

    def delete_server(self, server_id: int) -> None:
        """Remove a server and its disk."""

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        """Make a server that is on have just these volumes, each of its size; a new one is made and formatted first.

        One that is taken away is like a disk that is pulled: what has not been written is lost. Nothing happens to a server
        that is off, which gets its volumes when it starts.
        """

    def delete_volume(self, volume_id: int) -> None:
        """Remove a volume, which no server has, and its data."""

    def serve_box(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        """Make a Storage Box have just these accounts; a new one is made first, an old one keeps its data.

        Args:
            box_id: The API's.
            host: The name under which servers reach it.
            accounts: The main account first.
        """

    def delete_box(self, box_id: int) -> None:
        """Remove a Storage Box and its data."""
