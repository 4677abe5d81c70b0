"""What the gateway counts for Prometheus, and the page that shows it, on an address of its own that the routes do not have.

Names: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server
from starlette.types import ASGIApp, Receive, Scope, Send

from ops.events.store import Kept
from ops.gateway.incoming import MalformedCredentialsError
from ops.gateway.login import LoginBusyError, LoginError, TooManyFailuresError, WrongPasswordError

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
            "gateway_events", "Events of the registry that were new and are kept.", ["action"], registry=registry
        )
        self._repeated = Counter("gateway_repeated_events", "Events that were kept before and came again.", registry=registry)
        self._bad = Counter("gateway_bad_events", "What the registry sent and could not be understood whole.", registry=registry)
        self.last_event = Gauge(
            "gateway_last_event_timestamp_seconds", "When the newest event arrived; 0 when there is none.", registry=registry
        )
        self.store_seconds = Histogram(
            "gateway_event_store_seconds", "Time until what the registry sent is on disk.", buckets=_SECONDS, registry=registry
        )
        self.database_errors = Counter(
            "gateway_database_errors", "Uses of the events database that failed, health checks among them.", registry=registry
        )
        self.tokens = Counter("gateway_tokens_issued", "Tokens issued.", registry=registry)
        self._refused = Counter("gateway_refused_logins", "Logins that were not accepted.", ["reason"], registry=registry)
        self.in_flight = Gauge("gateway_requests_in_flight", "Requests being answered.", registry=registry)
        ProcessCollector(registry=registry)
        # Before the first, 0 and not nothing: an increase from nothing is none.
        for action in (*_ACTIONS, _OTHER):
            self._events.labels(action)
        for reason in _REASONS.values():
            self._refused.labels(reason)

    def kept(self, kept: Kept) -> None:
        """Count what the registry has sent."""
        for event in kept.new:
            self._events.labels(event.action if event.action in _ACTIONS else _OTHER).inc()
        if kept.new:
            self.last_event.set_to_current_time()
        self._repeated.inc(kept.repeated)
        if kept.problem:
            self._bad.inc()

    def refused(self, error: MalformedCredentialsError | LoginError) -> None:
        """Count a login that was not accepted."""
        self._refused.labels(_REASONS.get(type(error), _OTHER)).inc()


class InFlight:
    """Counts the requests that an application is answering."""

    def __init__(self, app: ASGIApp, gauge: Gauge) -> None:
        self._app, self._gauge = app, gauge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one."""
        if scope["type"] != "http":  # the application's own life
            await self._app(scope, receive, send)
            return
        with self._gauge.track_inprogress():
            await self._app(scope, receive, send)


@contextmanager
def served(metrics: Metrics, host: str, port: int) -> Iterator[None]:
    """Serve `/metrics`, in a thread.

    Raises:
        OSError: The address is not this machine's, or in use.
    """
    server, thread = start_http_server(port, host, metrics.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
