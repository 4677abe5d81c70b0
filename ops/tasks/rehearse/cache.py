"""The cache of the registry of a rehearsal: a Redis that lets everybody do everything, and that may be away."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from ops.core import exit_codes
from ops.registry.cache import Cache, NoCache, RedisCache

_LIMIT_S = 10.0


class CacheAwayError(Exception):
    """The cache cannot be told anything; the message says why."""

    exit_code = exit_codes.UNREACHABLE


def cache_at(address: str) -> Cache:
    """Return a cache as tasks tell it what was deleted.

    Args:
        address: Host and port; empty where the registry has none.
    """
    if not address:
        return NoCache()
    host, _, port = address.rpartition(":")

    def send(commands: Sequence[Sequence[str]]) -> None:
        told = [["PING"], *commands]
        try:
            with socket.create_connection((host, int(port)), _LIMIT_S) as connection, connection.makefile("rb") as answers:
                connection.sendall("".join(f"{' '.join(words)}\r\n" for words in told).encode())
                refused = next((one for _ in told if (one := answers.readline())[:1] not in {b"+", b":"}), None)
        except OSError as error:
            raise CacheAwayError(f"the cache at {address} does not answer: {error}") from error
        if refused is not None:
            raise CacheAwayError(f"the cache at {address} refuses: {refused.decode().strip() or 'it has gone'}")

    return RedisCache(send)
