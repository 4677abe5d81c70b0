"""What the first screen tells of an entry: a sign in the list, and beside it what it says, what is wrong, and how it fared."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.content import Content

from ops.catalogue.document import Document, Item
from ops.catalogue.entry import OURS
from ops.cli.catalogue_ui import text
from ops.cli.catalogue_ui.desk import Findings
from ops.cli.printing import when

if TYPE_CHECKING:
    from ops.tasks.sync.state import Record

NOTHING = Findings({}, (), {})
# Signs of what somebody may have to look at.
WRONG = "✗!…"
_WELL, _FAILED = {"unchanged", "changed"}, "failed"
_EMPTY = "Nothing is mirrored yet: a adds an entry, s takes one from the starter."
_NO_MATCH = "No entry matches: esc shows all, a adds one, s takes one from the starter."


def mark(item: Item, found: Findings) -> tuple[str, str]:
    """Return how an entry fares as one sign, and its colour."""
    problems, record = found.problems.get(item.index, ()), found.fared.get(item.index)
    if any(one.severe for one in problems) or (record and record.state == _FAILED):
        return "✗", "red"
    if problems:
        return "!", "yellow"
    ours = item.values.get(OURS)
    if isinstance(ours, dict) and ours.get("enabled") == "false":
        return "○", "dim"
    if record is None:
        return " ", ""
    return ("✓", "green") if record.state in _WELL else ("…", "yellow")


def detail(document: Document, item: Item | None, found: Findings) -> Content:
    """Return what there is to tell of an entry."""
    if item is None:
        return text.lines((_NO_MATCH if document.entries else _EMPTY, text.MUTED))
    return text.lines(*_told(document, item, found))


def _told(document: Document, item: Item, found: Findings) -> Iterator[tuple[str, str]]:
    yield item.text("source") or "(no entry)", "bold"
    yield f"→ {item.text('target')}", text.MUTED
    yield "", ""
    for problem in found.problems.get(item.index, ()):
        sign, style = ("✗", "$text-error") if problem.severe else ("!", "$text-warning")
        yield f"{sign} {document.place(problem.line)}: {problem.what}", style
        yield f"  {problem.remedy}", text.MUTED
        yield "", ""
    if record := found.fared.get(item.index):
        yield from _fared(record)
        yield "", ""
    yield document.place(item), text.MUTED
    for number, line in enumerate(textwrap.dedent(document.lines_of(item)).splitlines(), item.line):
        yield f"{number:4} {line}", ""


def _fared(record: Record) -> Iterator[tuple[str, str]]:
    looked = when(datetime.fromtimestamp(record.looked, UTC))
    if record.state in _WELL:
        yield f"✓ as upstream has it, looked at {looked}", "$text-success"
        return
    tries = f", {'quarantined' if record.quarantined else f'try {record.tries}'}" if record.tries else ""
    failed = record.state == _FAILED
    yield f"{'✗' if failed else '…'} {record.state} at {looked}{tries}", "$text-error" if failed else "$text-warning"
    if record.why:
        yield f"  {record.why}", ""
    yield f"  last well: {when(datetime.fromtimestamp(record.well, UTC)) if record.well else 'never'}", text.MUTED
