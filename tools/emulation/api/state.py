"""The current resources, and the actions that change them."""

from __future__ import annotations

import ipaddress
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from tools.emulation.api.errors import ApiError, not_found, not_unique
from tools.emulation.api.model import (
    Action,
    Box,
    Firewall,
    PlacementGroup,
    PrimaryIp,
    Resource,
    Server,
    SshKey,
    Volume,
    Zone,
    now,
)
from tools.emulation.machines import Machines

R = TypeVar("R", bound=Resource)
_FIRST_ID = 1001
# RFC 3849 reserves these addresses for documentation; nothing answers there.
_IPV6 = "2001:db8:{:x}::/64"


class Store(Generic[R]):
    """Resources of one kind.

    Attributes:
        kind: As messages and actions name it.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[int, R] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def get(self, key: int) -> R:
        """Return one.

        Raises:
            ApiError: There is no such one.
        """
        if key not in self._items:
            raise not_found(self.kind, key)
        return self._items[key]

    def find(self, key: int | str) -> R:
        """Return one by its id, possibly as text, or by its name.

        Raises:
            ApiError: There is no such one.
        """
        for item in self:
            if str(key) in {str(item.id), item.name}:
                return item
        raise not_found(self.kind, key)

    def add(self, item: R) -> R:
        """Add a new one.

        Raises:
            ApiError: Another one has its name.
        """
        self.check_name(item.name)
        self._items[item.id] = item
        return item

    def remove(self, key: int) -> None:
        """Remove one."""
        del self._items[key]

    def check_name(self, name: str, but: int = 0) -> None:
        """Refuse a name that is already taken.

        Args:
            name: Wanted.
            but: Whoever may have it already.

        Raises:
            ApiError: Another one has it.
        """
        if any(item.name == name and item.id != but for item in self):
            raise not_unique(self.kind, "name")


class State:
    """Everything that the API knows.

    Who reads or changes it holds `lock`. Work on machines is done without it, in lanes: in one lane one after the other,
    in the order in which it was asked for.
    """

    def __init__(self, machines: Machines, addresses: Sequence[str]) -> None:
        self.machines = machines
        self.lock = threading.RLock()
        self.actions: dict[int, Action] = {}
        self.ssh_keys = Store[SshKey]("ssh_key")
        self.primary_ips = Store[PrimaryIp]("primary_ip")
        self.firewalls = Store[Firewall]("firewall")
        self.placement_groups = Store[PlacementGroup]("placement_group")
        self.servers = Store[Server]("server")
        self.volumes = Store[Volume]("volume")
        self.boxes = Store[Box]("storage_box")
        self.zones = Store[Zone]("zone")
        self._addresses = addresses
        self._ids = itertools.count(_FIRST_ID)
        self._lanes: dict[str, ThreadPoolExecutor] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left that would cost money or hold data."""
        stores = (
            *(self.ssh_keys, self.primary_ips, self.firewalls, self.placement_groups, self.servers),
            *(self.volumes, self.boxes, self.zones),
        )
        return not any(len(store) for store in stores)

    def new_id(self) -> int:
        """Return an id that was never used, for any kind."""
        return next(self._ids)

    def free_ipv4(self) -> str:
        """Return an IPv4 address that no Primary IP has.

        Raises:
            ApiError: There is none left.
        """
        used = {item.ip for item in self.primary_ips}
        for address in self._addresses:
            if address not in used:
                return address
        limits = {"limits": [{"name": "primary_ip_limit"}]}
        raise ApiError("resource_limit_exceeded", "primary_ip limit exceeded: the emulation has no more addresses", limits)

    def new_ipv6(self) -> str:
        """Return an IPv6 network that was never used."""
        return str(ipaddress.ip_network(_IPV6.format(self.new_id())))

    def done(self, command: str, *resources: tuple[str, int]) -> Action:
        """Return an action that needs no machine and so finishes at once."""
        action = self._new(command, resources)
        action.finished = action.started
        return action

    def begin(
        self,
        command: str,
        resources: Sequence[tuple[str, int]],
        lane: str,
        work: Callable[[], None],
        then: Callable[[bool], None] = lambda _: None,
    ) -> Action:
        """Return an action that is under way.

        Args:
            command: Its name.
            resources: Kind and id of what it is done to.
            lane: What it shares no machine with is in another lane.
            work: Done without the lock. What it raises is the action's error.
            then: Done with the lock, told whether the work was done, before clients see the action's end.
        """
        action = self._new(command, resources)

        def run() -> None:
            error: str | None = None
            try:
                work()
            except Exception as problem:  # noqa: BLE001 - whatever a machine fails with is told to who asked for it
                error = str(problem) or type(problem).__name__
            with self.lock:
                then(error is None)
                action.error = error
                action.finished = now()

        executor = self._lanes.setdefault(lane, ThreadPoolExecutor(1, thread_name_prefix=lane))
        executor.submit(run)
        return action

    def close(self) -> None:
        """Wait for all work on machines."""
        with self.lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.shutdown()

    def _new(self, command: str, resources: Sequence[tuple[str, int]]) -> Action:
        action = Action(id=self.new_id(), command=command, resources=resources)
        self.actions[action.id] = action
        return action
