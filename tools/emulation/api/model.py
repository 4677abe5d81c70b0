"""What the API stores: one class for each kind of resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tools.emulation.api.catalog import BoxType, Image, Location, ServerType

Json = dict[str, Any]


def now() -> datetime:
    """Return the time to the second, in the API's format."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Action:
    """The progress of something that a request started.

    Attributes:
        command: What it does.
        resources: Kind and id of each resource it works on.
        error: Why it failed.
    """

    id: int
    command: str
    resources: Sequence[tuple[str, int]]
    started: datetime = field(default_factory=now)
    finished: datetime | None = None
    error: str | None = None

    @property
    def status(self) -> Literal["running", "success", "error"]:
        """Its status."""
        if self.finished is None:
            return "running"
        return "error" if self.error is not None else "success"


@dataclass(kw_only=True)
class Resource:
    """What all resources have in common."""

    id: int
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)


@dataclass(kw_only=True)
class SshKey(Resource):
    """A public key for root on future servers."""

    public_key: str
    fingerprint: str


@dataclass(kw_only=True)
class PrimaryIp(Resource):
    """An address that outlives its server.

    Attributes:
        ip: An address (IPv4) or a /64 network (IPv6).
        dns_ptr: Reverse names by address.
    """

    type: Literal["ipv4", "ipv6"]
    ip: str
    location: Location
    auto_delete: bool
    assignee_id: int | None = None
    dns_ptr: dict[str, str] = field(default_factory=dict)
    delete_protection: bool = False


@dataclass(kw_only=True)
class Firewall(Resource):
    """Rules, and the servers they apply to: named ones, and those that selectors match."""

    rules: list[Json]
    servers: list[int] = field(default_factory=list)
    selectors: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class PlacementGroup(Resource):
    """Servers that should not share a host."""

    type: Literal["spread"]
    servers: list[int] = field(default_factory=list)


@dataclass(kw_only=True)
class Server(Resource):
    """A server.

    Attributes:
        primary_disk_gb: The size of its disk, which may be smaller than its type's.
        authorized_keys: Root's keys, as they were when it was created.
        locked: Whether an action is working on its machine.
    """

    type: ServerType
    image: Image
    location: Location
    primary_disk_gb: int
    user_data: str
    authorized_keys: Sequence[str]
    status: Literal["initializing", "starting", "running", "stopping", "off", "rebuilding", "migrating"] = "initializing"
    locked: bool = False
    delete_protection: bool = False
    rebuild_protection: bool = False
    backup_window: str | None = None


@dataclass(kw_only=True)
class Volume(Resource):
    """A block device."""

    size_gb: int
    location: Location
    format: str | None
    server: int | None = None
    delete_protection: bool = False


@dataclass(kw_only=True)
class Subaccount(Resource):
    """A login to one folder of a Storage Box."""

    username: str
    home_directory: str
    password: str
    description: str
    access: dict[str, bool]


@dataclass(kw_only=True)
class Box(Resource):
    """A Storage Box.

    Attributes:
        ready: Whether it has been created; before that it has neither host name nor user.
        access: Which services are on.
        snapshot_plan: The enabled plan.
        creating: Whether a sub-account is being created; no other one can be created meanwhile, as the official plugin notes.
    """

    type: BoxType
    location: Location
    password: str
    ssh_keys: Sequence[str]
    access: dict[str, bool]
    ready: bool = False
    snapshot_plan: Json | None = None
    delete_protection: bool = False
    subaccounts: dict[int, Subaccount] = field(default_factory=dict)
    last_subaccount: int = 0
    creating: bool = False

    @property
    def username(self) -> str:
        """The user name of the main account."""
        return f"u{self.id}"


@dataclass(kw_only=True)
class Rrset:
    """Records of one name and type."""

    name: str
    type: str
    ttl: int | None
    records: list[Json]
    labels: dict[str, str] = field(default_factory=dict)
    change_protection: bool = False

    @property
    def id(self) -> str:
        """Its id within the zone."""
        return f"{self.name}/{self.type}"


@dataclass(kw_only=True)
class Zone(Resource):
    """A DNS zone."""

    ttl: int
    mode: Literal["primary", "secondary"] = "primary"
    delete_protection: bool = False
    rrsets: dict[str, Rrset] = field(default_factory=dict)
