"""What tests of the ledger share: digests, scans, times, and events as the gateway stores them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.events.store import EventStore
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Change, Kind, Record, Scan, Source, Unknown
from ops.tasks.changes.report import ChangesReport
from ops.tasks.changes.update import update
from tests.ops.gateway.gateway_rig import envelope, event

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOST = Unknown("the network is down")


def minutes(number: float) -> datetime:
    """Return a time so many minutes after noon."""
    return NOON + timedelta(minutes=number)


def seen(**tags: str | Unknown) -> Scan:
    """Return a scan of the repository `app`."""
    return Scan({"app": tags})


def record(seq: int, reference: str, old: str | None, new: str | None, actor: str | None = None) -> Record:
    """Return a line of the ledger: an event's if somebody did it."""
    repository, _, tag = reference.partition(":")
    change = Change(repository, tag, old, new)
    return Record(seq, minutes(seq), change, change.kind, Source.EVENT if actor else Source.SCAN, actor)


def look(ledger: Ledger, scan: Scan, at: float, events: Path | None = None, *, accept: bool = False) -> ChangesReport:
    """Bring the ledger up to date with what is seen at a time."""
    return update(ledger, lambda: scan, events=events, accept=accept, clock=lambda: minutes(at))


def tell(events: Path, at: float, tag: str, digest: str | None, *, actor: str = "robot", name: str = "", **target: str) -> None:
    """Let the registry tell the gateway of a push, or of a deletion when there is no digest."""
    told = event(name or f"{at} {tag} {digest}", **{"repository": "app", "tag": tag, "digest": digest or "", **target})
    told |= {"timestamp": minutes(at).isoformat(), "action": "push" if digest else "delete", "actor": {"name": actor}}
    with closing(EventStore(events)) as store:
        assert store.add(envelope(told)).problem is None


def lines(ledger: Ledger) -> list[tuple[str, str | None, Kind, Source, str | None]]:
    """Return tag, new digest, kind, source and actor of all lines."""
    return [(one.change.tag, one.change.new, one.kind, one.source, one.actor) for one in ledger.after(0)]


def baseline(**tags: str) -> Mapping[str, Mapping[str, str]]:
    """Return the state of the repository `app`."""
    return {"app": tags}
