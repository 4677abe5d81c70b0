"""Takes Alertmanager's alerts, on an address of its own: they are on disk before they are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.config import ALERTS_PATH
from ops.events.alert_inbox import AlertInbox, InboxError
from ops.events.alerts import MAX_BODY_BYTES, parse
from ops.gateway.incoming import body_up_to
from ops.gateway.metrics import Metrics

_RETRY_S = 10

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alerts:
    """The receiver of alerts.

    Alertmanager sends again what was answered with 5xx. What was refused with 4xx it keeps as well, and sends with the next
    notification of its group.

    Attributes:
        inbox: Where they wait for their messages.
        is_token: Whether something is the token that Alertmanager has; compared in constant time.
        metrics: Where they are counted.
    """

    inbox: AlertInbox
    is_token: Callable[[str], bool]
    metrics: Metrics

    def app(self) -> Starlette:
        """Return the ASGI application, which has this one route: nobody gets a registry token here."""
        return Starlette(routes=[Route(ALERTS_PATH, self.receive, methods=["POST"])])

    def expect(self) -> None:
        """Note that alerts should arrive from now on. If that cannot be stored, the log says so."""
        try:
            self.inbox.expect()
        except InboxError as error:
            _log.error("alerts cannot be stored", extra={"reason": str(error)})

    async def receive(self, request: Request) -> Response:
        """`POST /alerts`: receives a notification of Alertmanager's."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.is_token(given):
            return self._refusal(401, "token", "the token is wrong or missing", {"WWW-Authenticate": "Bearer"})
        try:
            body = await body_up_to(request, MAX_BODY_BYTES)
        except ClientDisconnect:
            return self._refusal(400, "malformed", "the request was cut off")
        if body is None:
            return self._refusal(413, "size", f"larger than {MAX_BODY_BYTES} bytes")
        try:
            notification = parse(body)
        except ValueError as error:
            return self._refusal(400, "malformed", f"no notification of Alertmanager's: {error}")
        try:
            await asyncio.to_thread(self.inbox.post, notification)
        except InboxError as error:
            return self._refusal(503, "store", f"alerts cannot be stored now: {error}", {"Retry-After": str(_RETRY_S)})
        self.metrics.alerted(notification)
        return Response(status_code=202)

    def _refusal(self, status: int, reason: str, why: str, headers: Mapping[str, str] | None = None) -> Response:
        self.metrics.refused_alerts.labels(reason).inc()
        _log.warning("alerts refused", extra={"reason": why})
        return PlainTextResponse(why, status, headers=dict(headers or {}))


class ByPort:
    """Gives each request to the application that answers on the port at which it came in."""

    def __init__(self, app: ASGIApp, others: Mapping[int, ASGIApp]) -> None:
        """Take the applications.

        Args:
            app: What answers everywhere else; it is told of startup and shutdown.
            others: By port.
        """
        self._app, self._others = app, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        _, port = scope.get("server") or ("", 0)  # of the socket, whatever a client says
        await self._others.get(port, self._app)(scope, receive, send)
