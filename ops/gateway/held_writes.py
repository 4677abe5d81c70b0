"""Writes in read-only mode: the edge asks here before it lets one through, and the answer comes when writes are accepted."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path

from prometheus_client import Gauge
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ops.config import HELD_AT_MOST_S, READ_ONLY_BY_HAND, read_only_reason, read_only_until
from ops.gateway.errors import registry_error

# Each has a connection of its own; the edge could not serve more either.
MAX_HELD = 2000
_LOOK_S = 0.025
# Clients wait this long before they retry a refused write. A sweep of the garbage collector takes less.
_RETRY_AFTER_S = 5
_MAINTENANCE = "the registry is read-only for maintenance"
_SHORTLY = f"{_MAINTENANCE}; try again shortly"
_CROWDED = f"{_MAINTENANCE}, and too many writes are waiting; try again shortly"
_READS = {b"GET", b"HEAD"}


class HeldWrites:
    """`GET /read-only/wait`: 204 as soon as writes are accepted, 503 if that takes too long.

    Read-only mode that a person has turned on has no end that is worth waiting for: 405 at once, which clients show, and do not
    try again. Whether a layer is there may be asked then, as no task removes any: an answer to `HEAD` could not say why not.

    An ASGI application, not a function, because a client that goes away must be noticed while it waits: it makes room.
    """

    def __init__(self, file: Path, gauge: Gauge, *, limit_s: float = HELD_AT_MOST_S) -> None:
        """Look at a file.

        Args:
            file: The file that turns on read-only mode.
            gauge: Shows how many writes wait.
            limit_s: How long a write waits.
        """
        self._file, self._gauge, self._limit_s = file, gauge, limit_s
        self._held = 0
        self._end: asyncio.Task[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, in time."""
        refusal = _refusal(self._file)
        if refusal == _SHORTLY:
            refusal = await self._after_waiting(receive) if self._held < MAX_HELD else _CROWDED
        # The edge's, about the write.
        method = dict(scope.get("headers", ())).get(b"x-forwarded-method", b"")
        await _answer(refusal, method)(scope, receive, send)

    async def _after_waiting(self, receive: Receive) -> str:
        if self._end is None or self._end.done():
            self._end = asyncio.create_task(self._wait_for_the_end())  # one looks for all
        gone = asyncio.create_task(_disconnected(receive))
        self._held += 1
        self._gauge.inc()
        try:
            done, _ = await asyncio.wait({self._end, gone}, timeout=self._limit_s, return_when=asyncio.FIRST_COMPLETED)
            return self._end.result() if self._end in done else _SHORTLY  # nobody reads what is sent to a client that is gone
        finally:
            self._held -= 1
            self._gauge.dec()
            gone.cancel()

    async def _wait_for_the_end(self) -> str:
        while (refusal := _refusal(self._file)) == _SHORTLY:
            await asyncio.sleep(_LOOK_S)
        return refusal


def _answer(refusal: str, method: bytes) -> Response:
    """Return the answer about a write by some method."""
    if refusal in {_SHORTLY, _CROWDED}:
        return registry_error(503, "UNAVAILABLE", refusal, {"Retry-After": str(_RETRY_AFTER_S)})
    if refusal and method not in _READS:
        # Clients show the message of this code and do not try again, which some do with UNSUPPORTED; and of this status nobody's
        # scenario makes a ban, as of 403.
        return registry_error(405, "DENIED", refusal, {"Allow": "GET, HEAD"})
    return Response(status_code=204)


def _refusal(file: Path) -> str:
    """Return why writes are refused now; empty if they are not."""
    try:
        until = read_only_until(file)
    except OSError:
        until = math.inf  # no task writes such a file
    if until == math.inf:
        reason = read_only_reason(file)
        return f"{READ_ONLY_BY_HAND}: {reason}" if reason else f"{READ_ONLY_BY_HAND} until its operator ends that"
    return "" if until < time.time() else _SHORTLY


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
