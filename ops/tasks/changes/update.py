"""Brings the ledger up to date: the registry's events say who and when, a scan says what is true."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ops.config import MOVING
from ops.core import exit_codes
from ops.events.reader import EventCursor, latest_cursor, read_events
from ops.events.store import StoreError
from ops.tasks.changes.compare import Difference, compare, refuse_vanished, repositories_changed
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.merge import merge
from ops.tasks.changes.model import Kind, Scan, Source
from ops.tasks.changes.report import ChangesReport

EVENTS = "events"  # the reader's name under which the ledger keeps its place in the gateway's events
_T = TypeVar("_T")


class OvertakenError(Exception):
    """Another run has recorded a newer scan in the meantime; this one was not recorded."""

    exit_code = exit_codes.BUSY
    done_by_other = True


class IncompleteError(Exception):
    """The ledger cannot start with an incomplete scan: what is missing would later be announced as new."""

    exit_code = exit_codes.UNREACHABLE


def update(
    ledger: Ledger,
    look: Callable[[], Scan],
    *,
    events: Path | None = None,
    accept: bool = False,
    moving: Sequence[str] = MOVING,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ChangesReport:
    """Scan the registry and record what changed, all or nothing.

    Args:
        ledger: Where to record it.
        look: Scans the registry; called once.
        events: The gateway's database; None on any host but its own.
        accept: Record it even if most tags have vanished, and start a ledger even with an incomplete scan.
        moving: Patterns of tags that move by design.
        clock: Returns the time.

    Raises:
        RegistryError: Nothing of the registry could be read; TreeError if it is a tree.
        VanishedError: Most tags have vanished.
        IncompleteError: This is the first scan, and some repositories could not be read.
        OvertakenError: Another run was faster.
        LedgerError: The ledger could not be written.
    """
    notices = [ledger.notice] if ledger.notice else []
    scan, before = ledger.last_scan(), ledger.state()
    arrived = _events(notices, lambda: latest_cursor(events) if events else None)
    began = clock()
    seen = look()
    told = _events(notices, lambda: read_events(events, ledger.cursor(EVENTS)) if events and arrived and scan else None) or ()
    with ledger.transaction():
        if ledger.last_scan() != scan:
            raise OvertakenError("another run has just recorded the changes; there is nothing left to do")
        newest = ledger.newest()
        during = merge(ledger, told, arrived or EventCursor())
        known = ledger.state()
        difference = _without(compare(known, seen), during)
        if not accept:
            _refuse_incomplete(scan, difference)
            refuse_vanished(known, difference)
        for change in difference.changes:
            ledger.append(change, began, kind=change.kind if scan else Kind.BASELINE, source=Source.SCAN)
        if arrived:
            ledger.keep_cursor(EVENTS, EventCursor(told[-1].seq, told[-1].event.id) if told else arrived)
        ledger.scanned(began, len(difference.gaps))
        records, state = ledger.after(newest), ledger.state()
        earlier = ledger.moved_before(records)
    added, removed = repositories_changed(before, state) if scan else ((), ())
    return ChangesReport(records, state, difference.gaps, added, removed, notices, moving, earlier)


def _events(notices: list[str], ask: Callable[[], _T]) -> _T | None:
    """Return what is read from the events; None, and a notice, when they cannot be read: the scan is enough."""
    try:
        return ask()
    except StoreError as error:
        notices.append(f"without the registry's events, which say who: {error}")
        return None


def _without(difference: Difference, during: Collection[tuple[str, str]]) -> Difference:
    """Leave out tags that events since the scan began are about: those are newer than what the scan saw."""
    changes = [change for change in difference.changes if (change.repository, change.tag) not in during]
    return Difference(changes, difference.gaps)


def _refuse_incomplete(scan: int, difference: Difference) -> None:
    hidden = [gap for gap in difference.gaps if not gap.tag]
    if hidden and not scan:
        raise IncompleteError(
            f"no ledger was started, because some repositories could not be read: {hidden[0].reason}; run it again, or with"
            " --accept, but then what is missing now will be announced as new later"
        )
