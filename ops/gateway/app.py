"""The gateway's routes: tokens for clients, the webhook for the registry, writes that wait in read-only mode, health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ops.config import HELD_WRITES_PATH, SET_COOKIE_HEADER, TOKEN_PATH, USER_HEADER, Account, Person
from ops.events.envelope import MAX_BODY_BYTES
from ops.events.store import EventStore, StoreError
from ops.gateway import scope
from ops.gateway.alerts import Alerts
from ops.gateway.errors import registry_error
from ops.gateway.failing import Failing
from ops.gateway.held_writes import HeldWrites
from ops.gateway.incoming import MalformedCredentialsError, basic_credentials, body_up_to, client_of
from ops.gateway.login import Login, LoginBusyError, LoginError, TooManyFailuresError, WrongPasswordError
from ops.gateway.metrics import InFlight, Metrics
from ops.gateway.rights import LiveRights
from ops.gateway.sessions import Sessions
from ops.gateway.sign_on import SignedOn
from ops.gateway.tokens import TokenIssuer

_BUSY_RETRY_S = 2
_STORE_RETRY_S = 10
_CODES = {404: "NOT_FOUND", 405: "UNSUPPORTED"}

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Gateway:
    """The routes, and what they work with."""

    tokens: TokenIssuer
    rights: LiveRights
    login: Login
    failing: Failing
    events: EventStore
    read_only_file: Path
    alerts: Alerts | None = None
    sign_on: SignedOn | None = None
    sessions: Sessions = field(default_factory=Sessions)
    metrics: Metrics = field(default_factory=Metrics)
    # SQLite waits for the disk. In a thread of its own, so that tokens do not.
    _disk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="events"))

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route(TOKEN_PATH, self.token, methods=["GET"]),
            Route("/auth/operator", self.check_operator, methods=["GET"]),
            Route("/events", self.receive_webhook, methods=["POST"]),
            Route(HELD_WRITES_PATH, HeldWrites(self.read_only_file, self.metrics.held_writes), methods=["GET"]),
            Route("/healthz", self.health, methods=["GET"]),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(InFlight, self.metrics.in_flight)],
            exception_handlers={HTTPException: _http_error},
            lifespan=self._lifespan,
        )

    async def token(self, request: Request) -> Response:
        """`GET /auth/token`: https://distribution.github.io/distribution/spec/auth/token/ ."""
        if request.query_params.get("service") != self.tokens.service:
            return registry_error(400, "UNSUPPORTED", f"this is the token service of {self.tokens.service} only")
        person: Person | None
        try:
            person = await self._signed_in(request)
        except (MalformedCredentialsError, LoginError) as error:
            return self._refusal(error)
        if person is None:
            person = self.sign_on.person(request) if self.sign_on else self._with_session(request)
        # Signing in never takes rights away.
        access = (*person.access, *self.rights.anonymous) if person else self.rights.anonymous
        asked = scope.parse(request.query_params.getlist("scope"))
        granted = scope.grant(asked, access, catalog=person is not None and person.catalog)
        subject = person.name if person else ""
        self.metrics.tokens.inc()
        _log.debug("token issued", extra={"account": subject, "access": [item.claim() for item in granted]})
        # The edge's log has the headers of answers: so it says who signed in where.
        told = {USER_HEADER: subject} if subject else {}
        return JSONResponse(self.tokens.issue(subject, granted), headers={"Cache-Control": "no-store", **told})

    async def check_operator(self, request: Request) -> Response:
        """`GET /auth/operator`: whether a request comes from the operator. The edge asks before each protected page."""
        headers = {"Cache-Control": "no-store"}
        if known := self._with_session(request):
            return Response(status_code=204, headers=headers | {USER_HEADER: known.name})
        try:
            account = await self._signed_in(request)
        except (MalformedCredentialsError, LoginError) as error:
            return self._refusal(error)
        if account is None or not account.operator:
            return self._refusal(WrongPasswordError("this needs the operator's name and password"))
        headers |= {USER_HEADER: account.name, SET_COOKIE_HEADER: self.sessions.cookie(request, account)}
        return Response(status_code=204, headers=headers)

    async def receive_webhook(self, request: Request) -> Response:
        """`POST /events`: receives the registry's webhook.

        The registry sends one event at a time and repeats it until it is accepted. So everything is accepted, even what
        cannot be parsed: if refused, it would hold up all later events for ever. The one exception is a database that
        cannot be written (a full disk): 503 leaves the event in the registry's queue, and nothing is lost.
        """
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.rights.is_event_token(given):
            _log.warning("webhook refused: its token is wrong or missing", extra={"client": client_of(request)})
            return registry_error(401, "UNAUTHORIZED", "the webhook token is wrong or missing", {"WWW-Authenticate": "Bearer"})
        try:
            body = await body_up_to(request, MAX_BODY_BYTES)
            with self.metrics.store_seconds.time():
                kept = await self._on_disk(lambda: self.events.add(body))
        except ClientDisconnect:
            return registry_error(400, "UNSUPPORTED", "the request was cut off")  # nobody reads this; the registry sends it again
        except StoreError as error:
            _log.error("events cannot be stored", extra={"reason": str(error)})
            return registry_error(503, "UNAVAILABLE", "events cannot be stored now", {"Retry-After": str(_STORE_RETRY_S)})
        self.metrics.kept(kept)
        if kept.problem:
            _log.warning("bad webhook body", extra={"reason": kept.problem})
        return Response(status_code=202)

    async def health(self, _: Request) -> Response:
        """`GET /healthz`: 200 if everything works, 503 if events cannot be stored."""
        try:
            await self._on_disk(self.events.check)
        except StoreError as error:
            return JSONResponse({"status": "failed", "problems": [str(error)]}, 503)
        return JSONResponse({"status": "ok"})

    async def _signed_in(self, request: Request) -> Account | None:
        client = client_of(request)
        name = ""
        try:
            credentials = basic_credentials(request)
            if credentials is None:
                return None
            name, password = credentials
            return await self.login.check(client, name, password)
        except (MalformedCredentialsError, LoginError) as error:
            self.metrics.refused(error)
            _log.warning("login refused", extra={"account": name[:128], "client": client, "reason": str(error)})
            if isinstance(error, LoginError) and error.telling and self.failing.refused(name[:128], client):
                await self._on_disk(self.failing.write)
            raise

    def _with_session(self, request: Request) -> Account | None:
        operator = self.rights.operator
        return operator if operator and self.sessions.knows(request, operator) else None

    def _refusal(self, error: MalformedCredentialsError | LoginError) -> Response:
        match error:
            case TooManyFailuresError():
                return registry_error(429, "TOOMANYREQUESTS", str(error), {"Retry-After": str(error.wait_s)})
            case LoginBusyError():
                return registry_error(503, "UNAVAILABLE", str(error), {"Retry-After": str(_BUSY_RETRY_S)})
        challenge = {"WWW-Authenticate": f'Basic realm="{self.tokens.service}", charset="UTF-8"'}
        return registry_error(401, "UNAUTHORIZED", str(error), challenge)

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._disk, work)
        except StoreError:
            self.metrics.database_errors.inc()
            raise

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # only a process's main thread has signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.rights.take_in)
        await self._on_disk(self.failing.write)
        if self.alerts:
            await self._on_disk(self.alerts.expect)
        yield
        self.login.close()
        await self._on_disk(self.events.close)
        self._disk.shutdown()


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return registry_error(error.status_code, _CODES.get(error.status_code, "UNKNOWN"), error.detail, error.headers)
