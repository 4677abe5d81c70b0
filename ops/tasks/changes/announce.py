"""Writes the messages about changes: how many tags were added, moved and removed, and which version tags moved. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from ops.config import MOVING
from ops.config.notify import Severity
from ops.notify.message import Message, report
from ops.tasks.changes.model import Kind, Record
from ops.tasks.changes.moves import once_a_day, surprising
from ops.tasks.changes.report import line_of, name_of

_REPOSITORIES_SHOWN = 10
_TAGS_SHOWN = 5
_KINDS = (Kind.ADDED, Kind.MOVED, Kind.REMOVED)


def announcements(
    records: Sequence[Record], stack: str, *, moving: Sequence[str] = MOVING, earlier: Sequence[Record] = ()
) -> list[Message]:
    """Return the messages about records: none about those that the first look found, and of moves one per tag and day.

    Args:
        records: In the order of the ledger.
        stack: What to call the registry.
        moving: Patterns of tags that move by design.
        earlier: Moves of tags that have been announced.
    """
    news = [record for record in once_a_day(records, earlier) if record.kind is not Kind.BASELINE]
    if not news:
        return []
    counts = Counter(record.kind for record in news)
    title = ", ".join(f"{counts[kind]} {_tags(counts[kind])} {kind}" for kind in _KINDS if counts[kind])
    said = [report(title, where=stack, details=_by_repository(news), next_command="regops changes --since 1d", tags=["package"])]
    if moved := surprising(news, moving):
        what = f"{len(moved)} version {_tags(len(moved))} moved"
        impact = "whoever pulls again gets other content under the same name (tags that should move belong in operations.moving)"
        lines = [line_of(record, name_of(record)) for record in moved]
        command = f"regops changes history {moved[0].change.repository}:{moved[0].change.tag}"
        said.append(
            report(
                what, where=stack, impact=impact, details=lines, severity=Severity.WARNING, next_command=command, tags=["warning"]
            )
        )
    return said


def _by_repository(records: Sequence[Record]) -> list[str]:
    ordered = sorted(records, key=lambda record: (record.change.repository, record.seq))
    groups = [(name, list(group)) for name, group in groupby(ordered, lambda record: record.change.repository)]
    shown = [f"{name}: {_listed(group)}" for name, group in groups[:_REPOSITORIES_SHOWN]]
    more = len(groups) - len(shown)
    return [*shown, *([f"and {more} more repositories"] if more else [])]


def _listed(records: Sequence[Record]) -> str:
    signs = {Kind.ADDED: "+", Kind.MOVED: "~", Kind.REMOVED: "-"}
    shown = [f"{signs[record.kind]}{record.change.tag}" for record in records[:_TAGS_SHOWN]]
    more = len(records) - len(shown)
    return " ".join([*shown, *([f"and {more} more"] if more else [])])


def _tags(count: int) -> str:
    return "tag" if count == 1 else "tags"
