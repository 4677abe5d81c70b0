"""Proxies in front of the edge that it does not trust, as its access log shows them."""

from __future__ import annotations

import ipaddress
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.stack.log_files import backwards

_TOLD_BY = ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded")
_READ_BYTES = 2 * 2**20
_RECENT_S = 24 * 3600
# Once or twice, anybody may try what these headers do.
_LEAST = 3
# Who comes from the Internet may send what he likes. It looks like a proxy if most requests from there come that way.
_LEAST_FROM_OUTSIDE, _SHARE_FROM_OUTSIDE = 10, 0.5


@dataclass(frozen=True)
class UntrustedProxy:
    """Something that sends requests on for others, but is not believed.

    Attributes:
        address: Its address, as the edge sees it.
        requests: How many of the latest requests came from it.
        on_host: Whether it is on the edge's own host: only from there is the port without TLS reached.
    """

    address: str
    requests: int
    on_host: bool


@dataclass(frozen=True)
class _Line:
    time: float
    address: str
    told: bool
    believed: bool
    tls: bool


def untrusted_proxies(log: Path) -> Sequence[UntrustedProxy]:
    """Return the proxies that the latest requests came through, and that the edge does not trust.

    Args:
        log: The edge's access log.
    """
    since = time.time() - _RECENT_S
    latest: dict[str, _Line] = {}
    told: Counter[str] = Counter()
    outside = 0
    for line in _newest_first(log):
        if line.time < since:
            break
        outside += _global(line.address)
        if line.told:
            latest.setdefault(line.address, line)  # it may have become trusted since
            told[line.address] += 1
    untrusted = {address: line for address, line in latest.items() if not line.believed}
    from_outside = sum(told[address] for address in untrusted if _global(address))
    mostly = from_outside >= max(_LEAST_FROM_OUTSIDE, _SHARE_FROM_OUTSIDE * outside)
    return [
        UntrustedProxy(address, told[address], on_host=not line.tls and not _global(address))
        for address, line in untrusted.items()
        if told[address] >= _LEAST and (mostly or not _global(address))
    ]


def _newest_first(log: Path) -> Iterator[_Line]:
    for lines in backwards(log, _READ_BYTES):
        yield from filter(None, map(_parsed, reversed(lines)))


def _parsed(line: bytes) -> _Line | None:
    try:
        entry: Any = json.loads(line)
        request = entry["request"]
        address, client = str(request["remote_ip"]), str(request["client_ip"])
        told = any(name in request["headers"] for name in _TOLD_BY)
        return _Line(float(entry["ts"]), address, told, believed=client != address, tls="tls" in request)
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _global(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_global
    except ValueError:
        return False
