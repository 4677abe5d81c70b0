"""Merges the registry's events into the ledger: they know who and when, but may be lost, late, or sent twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ops.events.envelope import RegistryEvent
from ops.events.reader import EventCursor, StoredEvent
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import IGNORED, Change, Kind, Source


def merge(ledger: Ledger, told: Iterable[StoredEvent], arrived: EventCursor) -> set[tuple[str, str]]:
    """Record what events say about tags; within a transaction.

    A change that a scan found before is not recorded again, but gets the actor and the time. An event from before a scan that
    says something else is outdated, and so are events from before the ledger started.

    Args:
        ledger: Where.
        told: The events, in order.
        arrived: The last event that had arrived when the present scan began.

    Returns:
        The repositories and tags that events since then are about.
    """
    begins = ledger.begins() or datetime.max.replace(tzinfo=UTC)
    during: set[tuple[str, str]] = set()
    for stored in told:
        event = stored.event
        time = _time(event.timestamp) or _time(stored.received) or begins
        if not event.repository or not event.tag or event.repository in IGNORED or time < begins or not _changes(event):
            continue
        if stored.seq > arrived.seq:
            during.add((event.repository, event.tag))
        new = event.digest if event.action == "push" else None
        if new:
            ledger.pushed(event.repository, event.tag, time)
        last = ledger.last(event.repository, event.tag)
        scanned = last is not None and last.source is Source.SCAN and time < last.time
        if last and last.change.new == new:
            if scanned and last.kind is not Kind.BASELINE:
                ledger.explain(last, time, event.actor, event.id)
        elif not scanned and (last or new):
            change = Change(event.repository, event.tag, last.change.new if last else None, new)
            ledger.append(change, time, kind=change.kind, source=Source.EVENT, actor=event.actor, event=event.id)
    return during


def _changes(event: RegistryEvent) -> bool:
    """Return whether an event is about a change of a tag: https://distribution.github.io/distribution/about/notifications/."""
    return event.action == "delete" or (event.action == "push" and bool(event.digest))


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else None
