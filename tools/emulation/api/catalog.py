"""What can be ordered: locations, types of servers and Storage Boxes, images. Everything is free here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from tools.emulation.api.errors import ApiError, invalid

Architecture = Literal["x86", "arm"]
_BORN = "2024-01-01T00:00:00+00:00"
_FREE = {"net": "0.0000000000", "gross": "0.0000000000"}
_TB = 1 << 40


class _Named(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


@dataclass(frozen=True)
class Location:
    """A place with one data centre."""

    id: int
    name: str
    city: str
    country: str
    network_zone: str
    latitude: float
    longitude: float

    def body(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {**self.__dict__, "description": f"{self.city} DC Park 1"}

    def datacenter(self) -> dict[str, Any]:
        """Return its only data centre, which the API still shows next to the location."""
        available: list[int] = [item.id for item in SERVER_TYPES]
        types = {"supported": available, "available": available, "available_for_migration": available}
        return {
            "id": self.id,
            "name": f"{self.name}-dc1",
            "description": f"{self.city} 1 virtual DC 1",
            "location": self.body(),
            "server_types": types,
        }


@dataclass(frozen=True)
class ServerType:
    """What a server has; memory and disk in GB."""

    id: int
    name: str
    cores: int
    memory: int
    disk: int
    architecture: Architecture = "x86"
    cpu_type: Literal["shared", "dedicated"] = "shared"

    def body(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        price = {"price_hourly": _FREE, "price_monthly": _FREE, "price_per_tb_traffic": _FREE, "included_traffic": 20 * _TB}
        return {
            **self.__dict__,
            "description": self.name.upper(),
            "category": "Cost-Optimized",
            "storage_type": "local",
            "deprecated": False,
            "deprecation": None,
            "prices": [{"location": place.name, **price} for place in LOCATIONS],
            # The last two are newer than the API description; hcloud 2.27 needs them.
            "locations": [
                {"id": place.id, "name": place.name, "deprecation": None, "available": True, "recommended": False}
                for place in LOCATIONS
            ],
        }


@dataclass(frozen=True)
class Image:
    """An operating system."""

    id: int
    flavor: str
    version: str
    architecture: Architecture

    @property
    def name(self) -> str:
        """Its name; each architecture has an image of this name."""
        return f"{self.flavor}-{self.version}"

    def body(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "type": "system",
            "status": "available",
            "name": self.name,
            "description": f"{self.flavor.title()} {self.version}",
            "image_size": None,
            "disk_size": 5,
            "created": _BORN,
            "created_from": None,
            "bound_to": None,
            "os_flavor": self.flavor,
            "os_version": self.version,
            "rapid_deploy": True,
            "protection": {"delete": False},
            "deprecated": None,
            "deleted": None,
            "labels": {},
            "architecture": self.architecture,
        }


@dataclass(frozen=True)
class BoxType:
    """What a Storage Box has."""

    id: int
    name: str
    size_tb: int
    snapshots: int

    def body(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        price = {"price_hourly": _FREE, "price_monthly": _FREE, "setup_fee": _FREE}
        return {
            "id": self.id,
            "name": self.name,
            "description": self.name.upper(),
            "snapshot_limit": self.snapshots,
            "automatic_snapshot_limit": self.snapshots,
            "subaccounts_limit": 100,
            "size": self.size_tb * _TB,
            "prices": [{"location": name, **price} for name in BOX_LOCATIONS],
            "deprecation": None,
        }


LOCATIONS = (
    Location(1, "fsn1", "Falkenstein", "DE", "eu-central", 50.47612, 12.370071),
    Location(2, "nbg1", "Nuremberg", "DE", "eu-central", 49.452102, 11.076665),
    Location(3, "hel1", "Helsinki", "FI", "eu-central", 60.169855, 24.938379),
    Location(4, "ash", "Ashburn, VA", "US", "us-east", 39.045821, -77.487073),
)
# https://docs.hetzner.com/storage/storage-box/general: Germany or Finland.
BOX_LOCATIONS = ("fsn1", "hel1")
SERVER_TYPES = (
    ServerType(11, "cx23", 2, 4, 40),
    ServerType(12, "cx33", 4, 8, 80),
    ServerType(13, "cx43", 8, 16, 160),
    ServerType(14, "cx53", 16, 32, 320),
    ServerType(15, "cax11", 2, 4, 40, "arm"),
    ServerType(16, "cax21", 4, 8, 80, "arm"),
    ServerType(17, "ccx13", 2, 8, 80, cpu_type="dedicated"),
)
IMAGES = (
    Image(21, "debian", "12", "x86"),
    Image(22, "debian", "12", "arm"),
    Image(23, "debian", "13", "x86"),
    Image(24, "debian", "13", "arm"),
    Image(25, "ubuntu", "24.04", "x86"),
    Image(26, "ubuntu", "24.04", "arm"),
)
BOX_TYPES = (BoxType(31, "bx11", 1, 10), BoxType(32, "bx21", 5, 20), BoxType(33, "bx31", 10, 30), BoxType(34, "bx41", 20, 40))


def find(items: Iterable[T], wanted: int | str, field: str) -> T:
    """Find something by its id or name.

    Args:
        items: Where to look.
        wanted: An id, possibly as text, or a name.
        field: The field of the request, for the error.

    Raises:
        ApiError: There is none.
    """
    for item in items:
        if str(wanted) in {str(item.id), item.name}:
            return item
    raise ApiError("invalid_input", f"invalid input in field '{field}': {wanted!r} not found", {"fields": [{"name": field}]})


def find_box_location(wanted: int | str) -> Location:
    """Return a location that offers Storage Boxes.

    Raises:
        ApiError: It does not exist, or offers none.
    """
    location = find(LOCATIONS, wanted, "location")
    if location.name not in BOX_LOCATIONS:
        raise invalid("location", f"{location.name} has no Storage Boxes")
    return location
