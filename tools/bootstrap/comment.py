"""The comment on a pull request: what an update would do, as Markdown that GitHub takes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from tools.bootstrap.guard import type_and_name
from tools.bootstrap.judge import Change, Review

# GitHub refuses comments of more than 65536 characters. The table of all changes comes last and takes what is left.
LIMIT = 60_000
_SHARE = LIMIT // 8
_PROPERTIES = 8
# In the order in which a reader wants to see them.
_ALWAYS = ("delete", "replace", "update", "create")
_ORDER = (*_ALWAYS, "import", "read")


def comment(review: Review) -> str:
    """Return the comment. It names resources and properties, and shows no values but the messages of errors."""
    title = f"### Preview of {_code(review.stack)}" if review.stack else "### Preview"
    parts = [title, _summary(review)]
    if review.errors:
        parts.append(_fenced("\n".join(review.errors)))
    if review.refused:
        parts.append(
            "**Refused: this would replace or delete resources that are protected or hold data.** "
            "If this is intended, allow each resource by its URN; see docs/review.md."
        )
        rows = [f"| {change.operation} | {_code(change.urn)} | {change.lost} |" for change in review.refused]
        parts.append(_table("| | resource | what would be lost |", rows))
    allowed = [change for change in review.changes if change.lost and change.allowed]
    parts += _listed("Allowed to be lost", (f"{_code(change.urn)} ({change.lost})" for change in allowed))
    parts += _listed("No longer protected after this", map(_code, review.unprotected))
    parts += _listed("Allowed, but not needed by this plan; remove it", map(_code, review.unused))
    if review.changes:
        rows = [_row(change) for change in sorted(review.changes, key=_rank)]
        table = _table("| | resource | changed, **replacing** |", rows, room=LIMIT - sum(map(len, parts)) - _SHARE // 2)
        parts.append(f"<details><summary>All changes</summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _summary(review: Review) -> str:
    if review.errors:
        return "**The preview failed**, so this is not the whole plan." if review.changes else "**The preview failed.**"
    if not review.changes:
        return "No changes."
    operations = sorted({*_ALWAYS, *review.counts} - {"same"}, key=_place)
    counts = [str(review.counts.get(operation, 0)) for operation in (*operations, "same")]
    return _table(f"| {' | '.join(operations)} | unchanged |", [f"| {' | '.join(counts)} |"])


def _row(change: Change) -> str:
    chain, name = type_and_name(change.urn)
    shown = [f"**{_code(path)}**" if path in change.replacing else _code(path) for path in change.properties[:_PROPERTIES]]
    if len(change.properties) > _PROPERTIES:
        shown.append(f"and {len(change.properties) - _PROPERTIES} more")
    return f"| {change.operation} | {_code(name)}<br>{_code(chain.rpartition('$')[2])} | {', '.join(shown)} |"


def _rank(change: Change) -> tuple[int, str, str]:
    return _place(change.operation), change.operation, change.urn


def _place(operation: str) -> int:
    return _ORDER.index(operation) if operation in _ORDER else -1


def _listed(head: str, items: Iterable[str]) -> list[str]:
    lines = _within([f"- {item}" for item in items])
    return ["\n".join([f"{head}:", *lines])] if lines else []


def _table(head: str, rows: Sequence[str], *, room: int = _SHARE) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *_within(rows, room)])


def _within(lines: Sequence[str], room: int = _SHARE) -> list[str]:
    """Return as many lines as fit, and one that counts the rest."""
    fitting = sum(1 for length in itertools.accumulate(len(line) + 1 for line in lines) if length <= room)
    rest = [f"\n{len(lines) - fitting} more do not fit here."] if fitting < len(lines) else []
    return [*lines[:fitting], *rest]


def _code(text: str) -> str:
    """Return text as GitHub shows it literally, in a table too; names come from whoever proposed the change."""
    line = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{line}`"


def _fenced(text: str) -> str:
    """Return text in a code block that the text itself cannot close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text[:_SHARE]}\n{fence}"
