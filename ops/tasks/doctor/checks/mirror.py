"""Checks of the mirror: entries that fail, runs that do not come, and a catalogue that cannot be read or is ahead."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from datetime import timedelta

import humanize

from ops.catalogue.rules import GET_COSIGN, NO_COSIGN
from ops.catalogue.shipped import is_ahead, working_copy
from ops.config import MIRROR_FOLDER, MirrorSettings
from ops.core.findings import FAILED, OK, WARNING, Check, and_more
from ops.runs.timers import look_at, timers
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.tasks import expected_since
from ops.tasks.sync.model import EntryState, MirrorEntry
from ops.tasks.sync.state import DATABASE, MirrorStateError, Record
from ops.tasks.sync.status import MirrorStatus, standing
from ops.upstream.cosign_program import can_verify

_NAME, _TASK = "mirror", "sync"
_HOUR_S = 3600.0
# Two runs; with a window, one a day copies at least.
_LATE_S, _LATE_WITH_WINDOW_S = 12 * _HOUR_S, 36 * _HOUR_S
_SHOWN = 5


def mirror(stack: Stack, *, brief: bool = False) -> list[Check]:
    """Return how the mirror of a stack fares; nothing if nothing is mirrored by a catalogue.

    Args:
        stack: The stack.
        brief: In one line, without the entries that fail.
    """
    settings = stack.config.sync
    if settings is None:
        return []
    try:
        status = standing(stack, settings, brief=brief)
    except MirrorStateError as error:
        path = stack.root / MIRROR_FOLDER / DATABASE
        aside = (
            f"`mv {path} {path}.broken` puts it aside; the next `regops sync` looks at everything again, and copies nothing twice"
        )
        return [Check(_NAME, FAILED, str(error), aside, error.exit_code), *_ahead(stack)]
    entries = [] if brief or status.problem else _entries(status)
    return [_whole(stack, settings, status), *entries, *_unverifiable(settings, status), *_ahead(stack)]


def _whole(stack: Stack, settings: MirrorSettings, status: MirrorStatus) -> Check:
    said = status.summary(time.time())
    if status.problem is not None:
        remedy = "`regops catalogue check` says what is wrong, `regops catalogue undo` takes the last edit back"
        if not working_copy(stack.root).exists():
            remedy = "`bin/regops catalogue push` in a checkout brings it, or `up`"
        return Check(_NAME, FAILED, f"{status.problem}; at the last run: {said}", remedy, status.problem.exit_code)
    if _TASK in timers(stack):
        since = time.time() - (expected_since(stack) if status.ended is None else status.ended)
        if since > (_LATE_WITH_WINDOW_S if settings.window else _LATE_S):
            detail = f"no run has looked at it for {humanize.naturaldelta(timedelta(seconds=since))}; {said}"
            return Check(_NAME, FAILED, detail, f"`{look_at(_TASK)}` shows why; `regops sync --force` looks now")
    if status.quarantined or status.those(EntryState.FAILED):
        return Check(_NAME, WARNING, said, "`regops sync status` lists those that fail, and why")
    return Check(_NAME, OK, said)


def _entries(status: MirrorStatus) -> Iterable[Check]:
    """Yield some of the entries that fail: those in quarantine first, since nobody tries them soon."""
    names = [entry.name for entry, _ in status.entries]
    for entry, record in status.quarantined[:_SHOWN]:
        word = _word(entry, names)
        remedy = (
            f"put that right, then `regops sync retry {word}` takes it out of quarantine, and `regops sync {word}` mirrors it"
        )
        yield _entry(entry, record, f"quarantined after {record.tries} tries", remedy)
    for entry, record in status.those(EntryState.FAILED)[:_SHOWN]:
        word = _word(entry, names)
        yield _entry(entry, record, "failed", f"put that right, then `regops sync {word}` mirrors it; later runs try it, too")


def _unverifiable(settings: MirrorSettings, status: MirrorStatus) -> list[Check]:
    """Tell that nothing can be copied of entries which want signatures verified: before a run has found it out, too."""
    wanted = [entry for entry, _ in status.entries if entry.entry and entry.entry.policies.verify]
    if not wanted or can_verify(settings.cosign):
        return []
    return [Check("cosign", WARNING, f"{wanted[0].name}{and_more(wanted)} {NO_COSIGN}", GET_COSIGN)]


def _entry(entry: MirrorEntry, record: Record, what: str, remedy: str) -> Check:
    well = (
        f"last well {humanize.naturaltime(timedelta(seconds=max(0.0, time.time() - record.well)))}"
        if record.well
        else "never well"
    )
    return Check(f"{_NAME} {entry.name}", WARNING, f"{what}, {well}: {record.why}", remedy)


def _word(entry: MirrorEntry, names: list[str]) -> str:
    """Return what `regops` knows an entry by."""
    return shlex.quote(entry.name if names.count(entry.name) == 1 else f":{entry.line}")


def _ahead(stack: Stack) -> list[Check]:
    try:
        ahead = is_ahead(stack.root)
    except OSError:
        return []  # the catalogue itself says so
    remedy = "`bin/regops catalogue pull` in a checkout takes its edits over"
    return [Check("catalogue", OK, "is ahead of the repository: it was edited on this host", remedy)] if ahead else []
