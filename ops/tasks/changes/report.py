"""Formats changes: as a summary, in detail, only what is wrong, or as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from ops.core import exit_codes
from ops.tasks.changes.model import Gap, Kind, Record, State
from ops.tasks.changes.moves import once_a_day, surprising

SCHEMA = 1
_SIGNS = {Kind.BASELINE: "=", Kind.ADDED: "+", Kind.MOVED: "~", Kind.REMOVED: "-"}
_SHORT_DIGEST = len("sha256:") + 12


class Detail(StrEnum):
    """How much is shown: only what is wrong; that and a summary; or that and each change."""

    QUIET = "quiet"
    SUMMARY = "summary"
    DETAILED = "detailed"


@dataclass(frozen=True)
class ChangesReport:
    """What changed.

    Attributes:
        records: The changes, in the order in which they became known.
        state: Which digest each tag points to after them.
        gaps: What could not be read.
        repositories_added: Repositories that had no tags before.
        repositories_removed: Repositories that have no tags any longer.
        notices: What else to know, for example that a new ledger was started.
        moving: Patterns of tags that move by design.
        earlier: Moves of tags on the same days that became known before.
    """

    records: Sequence[Record]
    state: State
    gaps: Sequence[Gap]
    repositories_added: Sequence[str]
    repositories_removed: Sequence[str]
    notices: Sequence[str]
    moving: Sequence[str]
    earlier: Sequence[Record] = ()

    @property
    def warnings(self) -> Sequence[Record]:
        """Version tags that moved for the first time on a day, although nothing says that they do."""
        return surprising(once_a_day(self.records, self.earlier), self.moving)

    @property
    def news(self) -> Sequence[Record]:
        """What is worth a message: all but what the very first scan found."""
        return [record for record in self.records if record.kind is not Kind.BASELINE]

    @property
    def exit_code(self) -> int:
        """3 when there is a warning, or something could not be read."""
        return exit_codes.WARNINGS if self.warnings or self.gaps else 0

    def text(self, detail: Detail = Detail.SUMMARY) -> str:
        """Return it for people; empty for `quiet` when all is well."""
        lines = [f"note: {notice}" for notice in self.notices]
        lines += [
            f"warning: {name_of(record)} is a version tag and moved: {_what(record)}{_who(record)} at {shown_time(record.time)}"
            for record in self.warnings
        ]
        lines += [f"unknown: {_where(gap)}: {gap.reason}" for gap in self.gaps]
        if detail is not Detail.QUIET:
            lines.append(self.summary)
        if detail is Detail.DETAILED:
            lines += self._details()
        return "".join(f"{line}\n" for line in lines)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs, ready for `json.dumps`."""
        return {
            "schema": SCHEMA,
            "changes": [record_as_json(record) for record in self.records],
            "warnings": [record.seq for record in self.warnings],
            "unknown": [{"repository": gap.repository, "tag": gap.tag, "reason": gap.reason} for gap in self.gaps],
            "repositories": {"added": list(self.repositories_added), "removed": list(self.repositories_removed)},
            "tags": sum(map(len, self.state.values())),
            "notices": list(self.notices),
            "exit_code": self.exit_code,
        }

    @property
    def summary(self) -> str:
        """What changed, in a line."""
        kinds = Counter(record.kind for record in self.records)
        tags = f"{sum(map(len, self.state.values()))} tags in {len(self.state)} repositories"
        if kinds[Kind.BASELINE] and not self.news:
            return f"the ledger starts here: {tags}"
        parts = [f"{kinds[kind]} {kind}" for kind in (Kind.ADDED, Kind.MOVED, Kind.REMOVED) if kinds[kind]]
        what = "tags: " + ", ".join(parts) if parts else "nothing changed"
        for count, word in ((len(self.repositories_added), "new"), (len(self.repositories_removed), "gone")):
            what += f"; repositories {word}: {count}" if count else ""
        return f"{what}; unknown: {len(self.gaps)}; {tags}" if self.gaps else f"{what}; {tags}"

    def _details(self) -> list[str]:
        lines: list[str] = []
        notes = dict.fromkeys(self.repositories_added, " (new)") | dict.fromkeys(self.repositories_removed, " (gone)")
        for repository, records in groupby(sorted(self.news, key=_by_name), key=lambda record: record.change.repository):
            lines.append(repository + notes.get(repository, ""))
            lines += [f"  {line_of(record, record.change.tag)}" for record in records]
        return lines


def line_of(record: Record, name: str = "") -> str:
    """Return a change as a line, with the name of what changed."""
    return " ".join(
        filter(None, [_SIGNS[record.kind], name, _what(record) + _who(record), f"({record.source}, {shown_time(record.time)})"])
    )


def record_as_json(record: Record) -> dict[str, Any]:
    """Return a change for programs."""
    return {
        "seq": record.seq,
        "time": record.time.isoformat(timespec="milliseconds"),
        "repository": record.change.repository,
        "tag": record.change.tag,
        "old": record.change.old,
        "new": record.change.new,
        "kind": record.kind,
        "source": record.source,
        "actor": record.actor,
    }


def name_of(record: Record) -> str:
    """Return repository and tag."""
    return f"{record.change.repository}:{record.change.tag}"


def shown_time(time: datetime) -> str:
    """Return a time for people."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _what(record: Record) -> str:
    return " -> ".join(digest[:_SHORT_DIGEST] for digest in (record.change.old, record.change.new) if digest)


def _who(record: Record) -> str:
    return f" by {record.actor}" if record.actor else ""


def _where(gap: Gap) -> str:
    return f"{gap.repository}:{gap.tag}" if gap.tag else gap.repository or "further repositories"


def _by_name(record: Record) -> tuple[str, str, int]:
    return record.change.repository, record.change.tag, record.seq
