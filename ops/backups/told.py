"""What restic tells in JSON and in lists, read with care: ids become words of commands and names of files.

https://restic.readthedocs.io/en/stable/075_scripting.html
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.backups.errors import BackupError
from ops.core.answers import UNEXPECTED, shown

# Snapshots and packs are called by a SHA-256.
_ID = re.compile(r"[0-9a-f]{64}")
_FRACTION = re.compile(r"\.(\d{1,6})\d*")
_COUNTS = ("data_added_packed", "total_bytes_processed", "total_files_processed")
_SHOWN = 200


@dataclass(frozen=True)
class Backup:
    """A backup: a snapshot in words of restic.

    Attributes:
        id: Its id, of which a few characters suffice as its name.
        made_at: When it was made.
        tags: What `ops.tasks.backup` has noted with it.
        added: How many bytes were sent for it.
        size: How many bytes its files have.
        files: How many files restic has read for it.
    """

    id: str
    made_at: datetime
    tags: tuple[str, ...] = ()
    added: int = 0
    size: int = 0
    files: int = 0

    @property
    def name(self) -> str:
        """The id in short."""
        return self.id[:8]


def backup_made(said: str, tags: Sequence[str]) -> Backup:
    """Return the backup that `restic backup --json` says it has made, in its last message.

    Args:
        said: What it printed.
        tags: What was noted with it.

    Raises:
        BackupError: It does not say so.
    """
    with _understood("backup"):
        messages = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        (summary,) = [one for one in messages if one.get("message_type") == "summary"]
        return Backup(_id(summary["snapshot_id"]), datetime.now(UTC), tuple(tags), *(_count(summary[name]) for name in _COUNTS))


def backups(said: str) -> list[Backup]:
    """Return the backups that `restic snapshots --json` has printed, the oldest first.

    Raises:
        BackupError: It printed something else.
    """
    with _understood("snapshots"):
        return sorted(map(_backup, json.loads(said or "[]")), key=lambda one: one.made_at)


def outlived(said: str) -> frozenset[str]:
    """Return the ids of the backups that `restic forget --json` would remove.

    Raises:
        BackupError: It printed something else.
    """
    with _understood("forget"):
        return frozenset(_id(one["id"]) for group in json.loads(said or "[]") or () for one in group["remove"] or ())


def names(said: str) -> list[str]:
    """Return the names that `restic list` has printed.

    Raises:
        BackupError: It printed something else.
    """
    with _understood("list"):
        return [_id(one) for one in said.split()]


@contextlib.contextmanager
def _understood(verb: str) -> Iterator[None]:
    try:
        yield
    except UNEXPECTED as error:
        problem = shown(f"{type(error).__name__}: {error}")[:_SHOWN]
        raise BackupError(f"`restic {verb}` printed something unexpected ({problem}); is it restic 0.17 or later?") from None


def _backup(known: Mapping[str, Any]) -> Backup:
    summary = known.get("summary") or {}
    # Python 3.11 reads six digits of a second's fraction at most.
    made_at = datetime.fromisoformat(_FRACTION.sub(r".\1", known["time"]))
    if made_at.tzinfo is None:
        raise ValueError(f"{known['time']} has no time zone")
    tags = known.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError(f"{tags!r} are no tags")
    return Backup(_id(known["id"]), made_at, tuple(tags), *(_count(summary.get(name, 0)) for name in _COUNTS))


def _id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{value!r} is no id")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
