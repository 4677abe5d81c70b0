"""Counts failed logins per client in a moving window, in bounded memory, and says who has to wait."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage.memory import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ops.config import FailureLimits

# Some 6 MB when full, with the default limits. Beyond it, the oldest failures are forgotten first.
MAX_KEYS = 2048
_IPV6_SITE_BITS = 64


class Throttle:
    """Failed logins, per client and per client and account.

    There is no limit per account alone: it would let anybody who knows a name lock its owner out.
    """

    def __init__(self, failures: FailureLimits, *, clock: Callable[[], float] = time.time) -> None:
        self._per_client = RateLimitItemPerSecond(failures.per_client, failures.window_s, namespace="client")
        self._per_account = RateLimitItemPerSecond(failures.per_account, failures.window_s, namespace="account")
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._clock = clock
        self._keys: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, client: str, account: str) -> int:
        """Return how many seconds this client has to wait before it may try this account again; 0 if it may now."""
        now = self._clock()
        until = [
            self._limiter.get_window_stats(item, *key).reset_time
            for item, key in self._counters(client, account)
            if not self._limiter.test(item, *key)
        ]
        return max(1, math.ceil(max(until) - now)) if until else 0

    def failed(self, client: str, account: str) -> None:
        """Count a failed login."""
        for item, key in self._counters(client, account):
            self._limiter.hit(item, *key)
            name = item.key_for(*key)
            self._keys[name] = None
            self._keys.move_to_end(name)
        # The library never drops the key of a counter, so the number of keys is bounded here.
        while len(self._keys) > MAX_KEYS:
            self._forget(self._keys.popitem(last=False)[0])

    def succeeded(self, client: str, account: str) -> None:
        """Forget this client's failures at this account: it has sent the right password."""
        name = self._per_account.key_for(client, account)
        if name in self._keys:
            del self._keys[name]
            self._forget(name)

    def _counters(self, client: str, account: str) -> tuple[tuple[RateLimitItem, tuple[str, ...]], ...]:
        return (self._per_client, (client,)), (self._per_account, (client, account))

    def _forget(self, name: str) -> None:
        # The library's expiry thread holds this lock while it reads a counter.
        with self._storage.locks[name]:
            self._storage.clear(name)


def client_key(address: str) -> str:
    """Return the key under which a client's failures are counted: its IPv4 address, or the /64 that an IPv6 client has.

    Raises:
        ValueError: Not an IP address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(ip), _IPV6_SITE_BITS), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)
