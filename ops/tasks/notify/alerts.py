"""Alerts: fetches those that the gateway keeps, says when none can arrive, and gives the outside checker its sign of life."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.config import ConfigError
from ops.config.notify import Severity
from ops.events.alert_inbox import SILENT_S
from ops.notify import alertmanager
from ops.notify.message import Fingerprint, report
from ops.notify.notifier import Notifier
from ops.notify.policy import AlertEvent
from ops.runs.pings import ping
from ops.stack.alerts import alert_inbox, silent_since
from ops.stack.stack import Stack

# So old the last sign of life from Prometheus may be when it is passed on: it comes every minute or two.
_FRESH_S = 300.0
_SILENT, _STUCK = Fingerprint("notify", "alerts", "silent"), Fingerprint("notify", "alerts", "stuck")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """What the gateway has kept.

    Attributes:
        events: What to report.
        files: Where it comes from: the path, and whether it could be read.
        trouble: Why it could not be fetched; empty if it could.
    """

    events: Sequence[AlertEvent] = ()
    files: Sequence[tuple[Path, bool]] = ()
    trouble: str = ""


def fetch(stack: Stack, notifier: Notifier) -> Fetched:
    """Fetch the alerts that wait. They wait on until `finish`: whoever is killed before it fetches them again."""
    inbox, now = alert_inbox(stack), time.time()
    try:
        found = list(inbox.waiting())
    except OSError as error:
        return Fetched(trouble=f"{inbox.folder}: {error.strerror or error}")
    notifications = [notification for _, notification in found if notification]
    events = list(alertmanager.events_of(notifications, set(notifier.open_problems()), stack.display_name))
    events += [_unreadable(stack, path) for path, notification in found if notification is None]
    beat = inbox.heartbeat()
    if beat.came_within(SILENT_S, now):
        told = {event.message.fingerprint for event in events}
        gone = alertmanager.forgotten(notifier.firing(), beat.since, now)
        events += [event for event in gone if event.message.fingerprint not in told]
    return Fetched(events, [(path, notification is not None) for path, notification in found])


def finish(stack: Stack, notifier: Notifier, fetched: Fetched) -> Iterator[AlertEvent]:
    """Remove what has been told, and yield what to report about that."""
    trouble = fetched.trouble
    try:
        for path, readable in fetched.files:
            alert_inbox(stack).finish(path, readable=readable)
    except OSError as error:
        trouble = f"{error.filename}: {error.strerror or error}"
    message = report(
        "Alerts cannot be fetched from the gateway",
        where=stack.display_name,
        impact="messages about alerts come twice, or not at all",
        details=[trouble] if trouble else [],
        severity=Severity.ERROR,
        fingerprint=_STUCK,
        next_command="regops notify",
    )
    if trouble or _STUCK in notifier.open_problems():
        yield AlertEvent(message, ok=not trouble)


def silence(stack: Stack, notifier: Notifier) -> Iterator[AlertEvent]:
    """Report that no alert can arrive, since the one that always fires does not; and that it does again."""
    now = time.time()
    since = silent_since(stack, now)
    if since is None:
        if known := notifier.open_problems().get(_SILENT):
            yield AlertEvent(known, ok=True)
        return
    message = report(
        "No alerts arrive, not even the one that always fires",
        where=stack.display_name,
        since=since,
        impact="a service may fail, and no alert will say so",
        details=["Prometheus, Alertmanager or the gateway does not run, or cannot reach the next of them."],
        severity=Severity.ERROR,
        fingerprint=_SILENT,
        next_command="regops status",
    )
    yield AlertEvent(message, ok=False)


def tell_outside(stack: Stack, notifier: Notifier) -> bool:
    """Tell the outside checker that alerts arrive and messages leave; return whether it was told.

    It is told nothing else: a checker that hears nothing raises its alarm, for whatever reason nothing comes.
    """
    secret, inbox, now = stack.config.watchdog_secret, alert_inbox(stack), time.time()
    if secret is None or not inbox.heartbeat().came_within(_FRESH_S, now):
        return False
    if (oldest := inbox.oldest()) is not None and now - oldest > _FRESH_S:
        return False
    if any(status.problem for status in notifier.outbox.status(now).values()):
        return False
    try:
        problem = ping(stack.secret(secret).strip())
    except ConfigError as error:
        problem = str(error)
    if problem:
        _log.warning(f"the outside checker could not be told: {problem}")
    return not problem


def _unreadable(stack: Stack, path: Path) -> AlertEvent:
    details = ["It is put aside. What still fires is told again within an hour."]
    message = report(
        "An alert could not be read", where=f"{stack.display_name}, {path}", details=details, severity=Severity.WARNING
    )
    return AlertEvent(message)
