"""Which moves of tags are news, and which are warnings: once per tag and day, and none of tags that move by design. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date

from ops.config.moving import moves_by_design
from ops.tasks.changes.model import Kind, Record

# v1.2.3 and 1.2.3, also with a suffix as in 1.2.3-alpine.
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-.+)?")


def is_version(tag: str) -> bool:
    """Whether a tag is a version tag, which should never move unless its name says that it does."""
    return _VERSION.fullmatch(tag) is not None


def once_a_day(records: Iterable[Record], earlier: Iterable[Record] = ()) -> Sequence[Record]:
    """Leave out moves of tags that had moved before on the same day (UTC): in these records, or in earlier ones."""
    seen = {_day(record) for record in earlier if record.kind is Kind.MOVED}
    kept = list[Record]()
    for record in records:
        if record.kind is not Kind.MOVED or _day(record) not in seen:
            kept.append(record)
        if record.kind is Kind.MOVED:
            seen.add(_day(record))
    return kept


def surprising(records: Iterable[Record], moving: Sequence[str]) -> Sequence[Record]:
    """Return the version tags that moved although nothing says that they do.

    Args:
        records: What changed.
        moving: Patterns of tags that move by design.
    """
    moved = (record for record in records if record.kind is Kind.MOVED and is_version(record.change.tag))
    return [record for record in moved if not moves_by_design(record.change.repository, record.change.tag, moving)]


def _day(record: Record) -> tuple[str, str, date]:
    return record.change.repository, record.change.tag, record.time.astimezone(UTC).date()
