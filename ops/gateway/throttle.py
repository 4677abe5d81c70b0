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

# Some 8 MB when full, with the default limits. Beyond it, the oldest failures are forgotten first.
MAX_KEYS = 4096
_IPV6_SITE_BITS = 64
# So many times what is allowed at one account may be tried there, right ones included, before even known passwords wait.
_GUESSES = 10


class Throttle:
    """Wrong passwords, per client and per client and account; and how often a client sends the same wrong one.

    There is no limit per account alone: it would let anybody who knows a name lock its owner out. And an old password that a
    program keeps sending is no guess after the first time: it must not let all wait who share an address with it.
    """

    def __init__(self, failures: FailureLimits, *, clock: Callable[[], float] = time.time) -> None:
        self._crowd = failures.per_client
        self._few = failures.per_account
        window = failures.window_s
        self._per_client = RateLimitItemPerSecond(2 * failures.per_client, window, namespace="client")
        self._per_account = RateLimitItemPerSecond(failures.per_account, window, namespace="account")
        self._per_password = RateLimitItemPerSecond(failures.per_account, window, namespace="password")
        self._guesses = RateLimitItemPerSecond(_GUESSES * failures.per_account, window, namespace="guesses")
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._clock = clock
        self._keys: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, client: str, account: str) -> int:
        """Return how many seconds this client has to wait before it may try a new password at this account; 0 if it may now.

        A client over its limit may still try accounts at which it has not failed, until it has failed twice as often.
        """
        at_account, account_frees = self._used(self._per_account, client, account)
        in_all, client_frees = self._used(self._per_client, client)
        until = [account_frees] if at_account >= self._few else []
        if in_all >= (self._crowd if at_account else 2 * self._crowd):
            until.append(client_frees)
        return self._seconds(max(until)) if until else 0

    def failed(self, client: str, account: str, password: str) -> None:
        """Count a wrong password that was not known to be one; `password` is anything that stands for it."""
        self._count(self._per_client, client)
        self._count(self._per_account, client, account)
        self._count(self._per_password, password)
        self.guessed(client, account)

    def repeated(self, password: str) -> int:
        """Count a wrong password that was sent again; return how many seconds it has to wait, 0 if it need not."""
        used, frees = self._used(self._per_password, password)
        if used >= self._few:
            return self._seconds(frees)
        self._count(self._per_password, password)
        return 0

    def guessed(self, client: str, account: str) -> None:
        """Count a password that this client had not sent before, whether it was compared or had to wait."""
        self._count(self._guesses, client, account)

    def is_guessing(self, client: str, account: str) -> bool:
        """Whether this client has tried so many passwords that one that it knows might be a guess too."""
        return not self._limiter.test(self._guesses, client, account)

    def _used(self, item: RateLimitItem, *key: str) -> tuple[int, float]:
        """Return how many are counted, and when the oldest of them leaves the window."""
        stats = self._limiter.get_window_stats(item, *key)
        return item.amount - stats.remaining, stats.reset_time

    def _seconds(self, until: float) -> int:
        return max(1, math.ceil(until - self._clock()))

    def _count(self, item: RateLimitItem, *key: str) -> None:
        self._limiter.hit(item, *key)
        name = item.key_for(*key)
        self._keys[name] = None
        self._keys.move_to_end(name)
        # The library never drops the key of a counter, so the number of keys is bounded here.
        while len(self._keys) > MAX_KEYS:
            self._forget(self._keys.popitem(last=False)[0])

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
