"""Turns Alertmanager's alerts into messages. Their text comes from rules, and from whoever chose the labels' values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from ops.config import WATCHDOG
from ops.config.notify import Severity
from ops.events.alerts import Alert, Notification
from ops.notify.message import Action, Fingerprint, Message, report
from ops.notify.policy import AlertEvent, Firing
from ops.notify.text import clean

TASK = "alert"
# What one Alertmanager may have open here: no flood fills the state file.
MOST_OPEN = 200
# Alertmanager repeats what fires each hour at least. What it has not repeated for so long has ended, and it has lost its memory.
FORGOTTEN_S = 3 * 3600.0
# An alert whose rule has none of these is a warning.
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "ticket": Severity.WARNING,
    "info": Severity.INFO,
    "none": Severity.INFO,
}
_TOLD_OTHERWISE = {"alertname", "severity", "stack"}
_NEXT = "regops status"
_FLOOD = Fingerprint(TASK, "flood")


def events_of(notifications: Sequence[Notification], known: AbstractSet[Fingerprint], where: str) -> Iterator[AlertEvent]:
    """Yield what to report about notifications, in order.

    Args:
        notifications: As they came.
        known: What is known to be broken.
        where: What messages call this registry.
    """
    still = {one for one in known if one.task == TASK and one != _FLOOD}
    flooded = 0
    for notification in notifications:
        for alert in notification.alerts:
            if alert.name == WATCHDOG:
                continue
            about = Fingerprint(TASK, alert.name, alert.id)
            if alert.firing and about not in still and len(still) >= MOST_OPEN:
                flooded += 1
                continue
            (still.add if alert.firing else still.discard)(about)
            yield AlertEvent(message_of(alert, about, where), ok=not alert.firing, began=alert.started)
        yield from _left_out(notification, known, where)
    if flooded:
        what = f"More than {MOST_OPEN} alerts are open: further ones are not told one by one"
        yield AlertEvent(_about(what, _FLOOD, where, severity=Severity.CRITICAL), ok=False)
    elif _FLOOD in known and len(still) < MOST_OPEN:
        yield AlertEvent(_about("Alerts are told one by one again", _FLOOD, where), ok=True)


def forgotten(firing: Sequence[Firing], arriving_since: float, now: float) -> Iterator[AlertEvent]:
    """Yield the end of alerts that Alertmanager no longer repeats.

    Args:
        firing: What is known to be broken.
        arriving_since: Since when alerts have arrived without a gap, in seconds since the epoch.
        now: Likewise.
    """
    for one in firing:
        name = one.message.fingerprint
        if name and name.task == TASK and now - max(one.reported, arriving_since) > FORGOTTEN_S:
            yield AlertEvent(one.message, ok=True)


def message_of(alert: Alert, about: Fingerprint, where: str) -> Message:
    """Return the message about an alert; all its text is shown as it is, and none of it is obeyed."""
    # A line each, so that none can pass for one of ours.
    labels = [clean(f"{name}: {value}") for name, value in alert.labels.items() if name not in _TOLD_OTHERWISE]
    is_link = alert.runbook.startswith("https://")
    return report(
        alert.summary or alert.name,
        where=where,
        since=alert.started,
        details=[
            *([clean(alert.description)] if alert.description else []),
            *([clean(f"Runbook: {alert.runbook}")] if alert.runbook and not is_link else []),
            "",
            f"Alert {alert.name}",
            *labels,
        ],
        severity=_SEVERITIES.get(alert.severity.lower(), Severity.WARNING),
        fingerprint=about,
        next_command=_NEXT,
        actions=[Action("Runbook", alert.runbook)] if is_link else [],
    )


def _left_out(notification: Notification, known: AbstractSet[Fingerprint], where: str) -> Iterator[AlertEvent]:
    about = Fingerprint(TASK, "more", notification.group)
    if notification.left_out:
        what = f"{notification.left_out} more alerts {notification.group}".rstrip()
        yield AlertEvent(_about(what, about, where, severity=Severity.ERROR), ok=False)
    elif about in known:
        yield AlertEvent(_about("No more alerts than are told", about, where), ok=True)


def _about(what: str, about: Fingerprint, where: str, *, severity: Severity = Severity.INFO) -> Message:
    return report(what, where=where, severity=severity, fingerprint=about, next_command=_NEXT)
