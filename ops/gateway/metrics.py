"""What the gateway counts for Prometheus, and the page that serves it, on an address of its own.

Names: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.config import HELD_WRITES_PATH
from ops.events.alerts import Notification
from ops.events.store import Kept
from ops.gateway.incoming import MalformedCredentialsError
from ops.gateway.login import LoginBusyError, LoginError, TooManyFailuresError, WrongPasswordError
from ops.gateway.own_address import own_address

_log = logging.getLogger(__name__)

_ACTIONS = ("push", "pull", "mount", "delete")
_OTHER = "other"
_REASONS: dict[type[MalformedCredentialsError | LoginError], str] = {
    MalformedCredentialsError: "malformed",
    WrongPasswordError: "wrong_password",
    TooManyFailuresError: "too_many_failures",
    LoginBusyError: "busy",
}
# The registry gives up waiting after 3 s.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The metrics of one gateway. Labels have few values, whatever clients send."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._events = Counter(
            "gateway_events", "Events of the registry that were new and have been stored.", ["action"], registry=registry
        )
        self._repeated = Counter(
            "gateway_repeated_events", "Events that had been stored before and arrived again.", registry=registry
        )
        self._bad = Counter("gateway_bad_events", "Webhook bodies that could not be fully parsed.", registry=registry)
        self.last_event = Gauge(
            "gateway_last_event_timestamp_seconds", "When the newest event arrived; 0 if there is none.", registry=registry
        )
        self.store_seconds = Histogram(
            "gateway_event_store_seconds", "Time until a webhook body is on disk.", buckets=_SECONDS, registry=registry
        )
        self.database_errors = Counter(
            "gateway_database_errors", "Failed uses of the events database, health checks included.", registry=registry
        )
        self._alerts = Counter("gateway_alerts", "Alerts that Alertmanager has handed over.", ["state"], registry=registry)
        self.refused_alerts = Counter(
            "gateway_refused_alert_notifications", "Requests of Alertmanager that were refused.", ["reason"], registry=registry
        )
        self.last_watchdog = Gauge(
            "gateway_last_watchdog_timestamp_seconds",
            "When Alertmanager last said that alerts are evaluated; 0 if it has not since the gateway started.",
            registry=registry,
        )
        self.tokens = Counter("gateway_tokens_issued", "Tokens issued.", registry=registry)
        self._refused = Counter("gateway_refused_logins", "Logins that were refused.", ["reason"], registry=registry)
        self.in_flight = Gauge(
            "gateway_requests_in_flight", "Requests that are being answered, without held writes.", registry=registry
        )
        self.held_writes = Gauge("gateway_held_writes", "Writes that wait for read-only mode to end.", registry=registry)
        ProcessCollector(registry=registry)
        # Start at 0 instead of nothing: Prometheus sees no increase from nothing.
        for action in (*_ACTIONS, _OTHER):
            self._events.labels(action)
        for reason in _REASONS.values():
            self._refused.labels(reason)
        for state in ("firing", "resolved"):
            self._alerts.labels(state)
        for reason in ("token", "size", "malformed", "store"):
            self.refused_alerts.labels(reason)

    def kept(self, kept: Kept) -> None:
        """Count what was stored of a webhook's body."""
        for event in kept.new:
            self._events.labels(event.action if event.action in _ACTIONS else _OTHER).inc()
        if kept.new:
            self.last_event.set_to_current_time()
        self._repeated.inc(kept.repeated)
        if kept.problem:
            self._bad.inc()

    def alerted(self, notification: Notification) -> None:
        """Count what Alertmanager has handed over."""
        if notification.is_watchdog:
            self.last_watchdog.set_to_current_time()
            return
        for alert in notification.alerts:
            self._alerts.labels("firing" if alert.firing else "resolved").inc()

    def refused(self, error: MalformedCredentialsError | LoginError) -> None:
        """Count a login that was refused."""
        self._refused.labels(_REASONS.get(type(error), _OTHER)).inc()


class InFlight:
    """Middleware that counts the requests being answered. Those that wait on purpose have a count of their own."""

    def __init__(self, app: ASGIApp, gauge: Gauge) -> None:
        self._app, self._gauge = app, gauge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope.get("path") == HELD_WRITES_PATH:  # not HTTP: startup and shutdown
            await self._app(scope, receive, send)
            return
        with self._gauge.track_inprogress():
            await self._app(scope, receive, send)


@contextmanager
def served(registry: CollectorRegistry, host: str, port: int) -> Iterator[None]:
    """Serve `/metrics` in a thread.

    Raises:
        OSError: The address is not one of this machine's, or is in use.
    """
    server, thread = start_http_server(port, own_address(host), registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def served_if_possible(registry: CollectorRegistry, host: str | None, port: int) -> Iterator[None]:
    """Serve `/metrics`, if there is an address for it. That it cannot be is not fatal: Prometheus reports the missing target."""
    with ExitStack() as stack:
        if host is not None:
            try:
                stack.enter_context(served(registry, host, port))
            except OSError as error:
                _log.error(f"cannot serve metrics on {host}:{port}: {error.strerror or error}; everything else is served")
        yield
