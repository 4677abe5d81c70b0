"""A line between two programs of this machine that can be cut, as a network is: what goes through is reset, or half of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

_T = TypeVar("_T")
_HOST = "127.0.0.1"
_CHUNK = 1 << 16
_LIMIT_S = 20.0
# Closed like this, a connection is reset: https://man7.org/linux/man-pages/man7/socket.7.html
_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes on what comes to a port of its own, which stays the same.

    Attributes:
        to: Where to, as host:port. It may be changed; connections that are open stay where they are.
        address: Its own host and port.
    """

    def __init__(self, to: str) -> None:
        """Make one that does not run yet."""
        self.to, self.address = to, ""
        self._left, self._recovers = math.inf, False
        self._open = set[asyncio.StreamWriter]()
        self._loop = asyncio.new_event_loop()

    @property
    def port(self) -> int:
        """Its own port."""
        return int(self.address.rpartition(":")[2])

    @contextlib.contextmanager
    def running(self) -> Iterator[Relay]:
        """Pass on while inside."""
        thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        thread.start()
        try:
            server = self._done(asyncio.start_server(self._pass_on, _HOST, 0))
            self.address = f"{_HOST}:{server.sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                self._done(self._end(server))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(_LIMIT_S)
            self._loop.close()

    @contextlib.contextmanager
    def cut(self, after: int = 0, *, recovers: bool = False) -> Iterator[None]:
        """Cut the line while inside.

        Args:
            after: Only once so many bytes have gone through it, in both directions.
            recovers: Whether only what is going through then is cut, and what comes later is passed on again.
        """
        self._done(self._allow(after, recovers=recovers))
        try:
            yield
        finally:
            self._done(self._allow(math.inf))

    def _done(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)

    async def _allow(self, left: float, *, recovers: bool = False) -> None:
        self._left, self._recovers = left, recovers
        if not left:
            self._reset()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        self._reset()
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=_LIMIT_S / 2)

    def _reset(self) -> None:
        """Reset all connections."""
        if self._recovers:
            self._left = math.inf
        for writer in self._open:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self._open.clear()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._open.add(writer)
        try:
            if not self._left:
                self._reset()
                return
            host, _, port = self.to.rpartition(":")
            back, there = await asyncio.open_connection(host, int(port))
            ends.append(there)
            self._open.add(there)
            await asyncio.gather(self._pump(reader, there), self._pump(back, writer))
        except OSError:
            pass  # the other end sees it
        finally:
            for one in ends:
                self._open.discard(one)
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            through = data[: int(min(self._left, len(data)))]
            self._left -= len(through)
            writer.write(through)
            await writer.drain()
            if len(through) < len(data):
                self._reset()
                return
        if writer.can_write_eof():
            writer.write_eof()
