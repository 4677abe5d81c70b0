"""Serves the application: one process, limited headers, and a shutdown that loses no request."""

from __future__ import annotations

import logging
import resource
import signal
import socket
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ops.gateway.held_writes import MAX_HELD
from ops.gateway.own_address import own_address

MAX_HEAD_BYTES = 64 * 1024
_BACKLOG = 4096  # held writes may all come at once
_KEEP_ALIVE_S = 130  # longer than the edge keeps idle connections (120 s), so that it never writes to one that was just closed
_DRAIN_S = 5  # less than the 10 s that the container has to stop
# Held writes take none of those that are for everything else.
_MAX_CONNECTIONS = 512 + MAX_HELD
_OTHER_FILES = 64

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: The address is not one of this machine's, or is in use.
    """
    host = own_address(host)
    # With the protocol named, asyncio turns off TCP's delay of small writes, which costs 40 ms per answer.
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def serve(app: ASGIApp, *listeners: socket.socket, connections: int = _MAX_CONNECTIONS) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way and exit with code 0.

    Args:
        app: What is served.
        listeners: Where.
        connections: How many at once; more are answered 503.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)  # until the server installs its own handlers, which call this one after the last request
    _allow_open_files(connections + _OTHER_FILES)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,  # the edge has one
            server_header=False,
            proxy_headers=False,  # see incoming.client_of
            limit_concurrency=connections,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
    for listener in listeners:
        _log.info("listening", extra={"address": "{}:{}".format(*listener.getsockname()[:2])})
    server.run(sockets=list(listeners))


def _allow_open_files(number: int) -> None:
    """Raise the limit of open files as far as the container's own allows; engines start containers with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


class _Protocol(HttpToolsProtocol):
    """Closes connections whose request line and headers do not end: the parser would collect them without limit."""

    _head_bytes = 0
    _in_head = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            _log.warning("request refused: its headers are too large", extra={"bytes": self._head_bytes})
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
