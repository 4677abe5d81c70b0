"""Writes the message about entries that fail: what is new since people were last told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ops.config.notify import Severity
from ops.notify.message import Fingerprint, report
from ops.notify.policy import AlertEvent
from ops.tasks.sync.model import EntryState, MirrorEntry
from ops.tasks.sync.state import Record
from ops.tasks.sync.status import MirrorStatus

FAILED, QUARANTINED = "failed", "quarantined"
_ABOUT = Fingerprint("mirror", "entries")
_SHOWN = 10


def news_of(status: MirrorStatus, told: Mapping[str, str], where: str) -> tuple[AlertEvent, Mapping[str, str]]:
    """Return what to report after a run, and what people know of failing entries afterwards.

    An entry that fails is told once, once more when it is quarantined, and when it is well again. One that was told and now
    waits, for pulls or for room, is neither while others fail.

    Args:
        status: How the mirror fares.
        told: What people were told before, by the keys of entries: `failed` or `quarantined`.
        where: What to call the registry.
    """
    failing = {entry.key: (entry, record, _word(record)) for entry, record in status.entries if record and _word(record)}
    known = {key: word for key, (_, _, word) in failing.items()}
    well = [entry.name for entry, record in status.entries if entry.key in told and status.is_well(record)]
    waiting = {entry.key: told[entry.key] for entry, record in status.entries if _waits(record) and entry.key in told}
    new = {key: one for key, one in failing.items() if told.get(key) not in {one[2], QUARANTINED}}
    lines = [
        *_listed([_line(*one) for one in new.values() if one[2] == QUARANTINED]),
        *_listed([_line(*one) for one in new.values() if one[2] == FAILED]),
        *_listed([f"well again: {name}" for name in well]),
    ]
    if as_before := len(failing) - len(new):
        lines.append(f"{as_before} {_fail(as_before)} as before")
    message = report(
        f"{len(failing)} of {len(status.entries)} mirror entries {_fail(len(failing))}",
        where=where,
        impact="what is here of them can be pulled as ever, and gets no updates",
        details=lines,
        severity=Severity.WARNING,
        fingerprint=_ABOUT,
        next_command="regops sync status",
    )
    return AlertEvent(message, ok=not known, changed=bool(new or well)), {**waiting, **known} if known else {}


def _fail(count: int) -> str:
    return "fails" if count == 1 else "fail"


def _word(record: Record) -> str:
    if record.quarantined:
        return QUARANTINED
    return FAILED if record.state is EntryState.FAILED else ""


def _waits(record: Record | None) -> bool:
    return record is not None and record.state in {EntryState.WAITING, EntryState.SKIPPED}


def _line(entry: MirrorEntry, record: Record, word: str) -> str:
    return f"{word}: {entry.name}: {record.why}"


def _listed(lines: Sequence[str]) -> Sequence[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
