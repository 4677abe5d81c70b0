"""The HTTP server: one base URL for both APIs, in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tools.emulation.api import (
    actions,
    firewalls,
    offers,
    placement_groups,
    primary_ips,
    rrsets,
    server_actions,
    servers,
    ssh_keys,
    storage_boxes,
    subaccounts,
    volumes,
    zones,
)
from tools.emulation.api.errors import ApiError
from tools.emulation.api.faults import RATE_LIMIT, Faults
from tools.emulation.api.state import State
from tools.emulation.api.web import Answer, Call, Handler, Operations
from tools.emulation.machines import Machines

BASE = "/v1"
TOKEN_LENGTH = 64
_START_LIMIT_S = 10
_TICK_S = 0.1
NO_ANSWER = 0
_ABORT = "tools.emulation.abort"
_FAMILIES: Sequence[Operations] = (
    actions.OPERATIONS,
    offers.OPERATIONS,
    ssh_keys.OPERATIONS,
    primary_ips.OPERATIONS,
    firewalls.OPERATIONS,
    placement_groups.OPERATIONS,
    servers.OPERATIONS,
    server_actions.OPERATIONS,
    volumes.OPERATIONS,
    storage_boxes.OPERATIONS,
    subaccounts.OPERATIONS,
    zones.OPERATIONS,
    rrsets.OPERATIONS,
)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    Attributes:
        method: The request's method.
        path: Its path below the base URL.
        request: Its JSON body; None if there was none.
        status: The status of the answer; NO_ANSWER if there was none.
        answer: The body of the answer; None if there was none.
    """

    method: str
    path: str
    request: Any
    status: int
    answer: Any


class _QuickServer(uvicorn.Server):
    """Ends when it is told to; uvicorn looks for that ten times a second, and then waits for a tenth of one in any case."""

    _loop: asyncio.AbstractEventLoop
    _ended: asyncio.Event

    def end(self) -> None:
        """End it, from another thread, once it has started."""
        self.should_exit = self.force_exit = True
        self._loop.call_soon_threadsafe(self._ended.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Run until the end."""
        for tick in itertools.count():
            if await self.on_tick(tick):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything, after a moment for the requests under way."""
        if self.server_state.tasks:
            return await super().shutdown(sockets)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        return None


class Api:
    """Both Hetzner APIs, as a context manager.

    Attributes:
        state: All resources; hold its lock.
        faults: What should fail.
        exchanges: All requests and answers, including passwords; for tests.
        url: The base URL, for `endpoint` and `endpoint_hetzner` alike.
        tokens: Those that it accepts.
    """

    def __init__(self, machines: Machines, *, addresses: Sequence[str], token: str) -> None:
        """Set the parameters.

        Args:
            machines: Behind it.
            addresses: The IPv4 addresses that it has to give away.
            token: The only one it accepts at first.

        Raises:
            ValueError: The official plugins would refuse the token.
        """
        if len(token) != TOKEN_LENGTH:
            raise ValueError(f"a token has {TOKEN_LENGTH} characters, this one has {len(token)}")
        self.state = State(machines, addresses)
        self.faults = Faults()
        self.exchanges: list[Exchange] = []
        self.url = ""
        self.tokens = {token}
        self._server = _QuickServer(
            uvicorn.Config(self._app(), lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)
        )
        self._thread = threading.Thread(target=self._serve, name="emulated API", daemon=True)
        self._listener: socket.socket | None = None

    def __enter__(self) -> Api:
        """Start the server.

        Raises:
            TimeoutError: It did not start.
        """
        # The protocol is named because asyncio only then turns off Nagle's algorithm.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{BASE}"
        self._thread.start()
        limit = time.monotonic() + _START_LIMIT_S
        while not self._server.started:
            if time.monotonic() > limit:
                self._listener.close()
                raise TimeoutError("the emulated API does not start")
            time.sleep(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop, after finishing any work on machines."""
        self._server.end()
        self._thread.join()
        if self._listener:
            self._listener.close()
        self.state.close()

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path of all requests so far."""
        return [(exchange.method, exchange.path) for exchange in self.exchanges]

    @property
    def is_empty(self) -> bool:
        """Whether no resources are left."""
        with self.state.lock:
            return self.state.is_empty

    def _serve(self) -> None:
        self._server.run(sockets=[self._listener] if self._listener else None)

    def _app(self) -> ASGIApp:
        routes = [
            Route(BASE + operation.path, self._endpoint(operation.handler), methods=[operation.method])
            for family in _FAMILIES
            for operation in family
        ]
        routes.append(Route("/{path:path}", self._endpoint(_nothing), methods=["GET", "POST", "PUT", "DELETE"]))
        return _with_abort(Starlette(routes=routes))

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            path = request.url.path.removeprefix(BASE)
            raw = await request.body()
            fault = self.faults.take(request.method, path)
            status: int
            body: dict[str, Any] | None
            if fault:
                await asyncio.sleep(fault.hang_s)
            if fault and fault.prevents:
                status, body = NO_ANSWER, None
            else:
                call = Call(self.state, request.path_params, request.query_params, raw)
                answer = await run_in_threadpool(self._answer, handler, call, request.headers.get("authorization", ""))
                status, body = answer.status, answer.body
            if fault and fault.error:
                status, body = fault.error.status, fault.error.body()
            if fault and fault.closes:
                status, body = NO_ANSWER, None
            self.exchanges.append(Exchange(request.method, path, _decoded(raw), status, body))
            headers = {"RateLimit-Limit": str(RATE_LIMIT), "RateLimit-Remaining": str(RATE_LIMIT - 1)}
            headers |= (fault.headers if fault else None) or {}
            if status == NO_ANSWER:
                request.scope[_ABORT]()
                while (await request.receive())["type"] != "http.disconnect":
                    pass  # what is sent from now on is dropped
            return Response(status_code=status, headers=headers) if body is None else JSONResponse(body, status, headers)

        return endpoint

    def _answer(self, handler: Handler, call: Call, authorization: str) -> Answer:
        try:
            if authorization.removeprefix("Bearer ") not in self.tokens:
                raise ApiError("unauthorized", "unable to authenticate")
            with self.state.lock:
                return handler(call)
        except ApiError as error:
            return Answer(error.status, error.body())


def _with_abort(app: ASGIApp) -> ASGIApp:
    """Let an application close a connection without an answer, which ASGI does not offer."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        # `send` belongs to uvicorn, and knows the connection.
        scope[_ABORT] = send.__self__.transport.abort  # type: ignore[attr-defined]
        await app(scope, receive, send)

    return wrapped


def _nothing(call: Call) -> Answer:
    raise ApiError("not_found", f"/{call.path.get('path', '')} is not part of the emulation")


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
