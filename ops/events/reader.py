"""Reads the events that the gateway has stored, in order of arrival, without changing or locking anything."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.events.envelope import RegistryEvent
from ops.events.store import StoreError

# Without the raw text, which is most of an event: there may be many.
_COLUMNS = "id, action, repository, tag, digest, media_type, actor, timestamp, ''"
_BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class EventCursor:
    """How far a reader has come: the number and id of the last event it read. The id gives away a database that was recreated."""

    seq: int = 0
    id: str = ""


@dataclass(frozen=True)
class StoredEvent:
    """An event without its `raw` text, with its number and its time of arrival (ISO 8601, UTC)."""

    seq: int
    received: str
    event: RegistryEvent


def latest_cursor(path: Path) -> EventCursor:
    """Return the cursor at the newest event.

    Raises:
        StoreError: The database cannot be read.
    """
    with _reading(path) as connection:
        row = connection.execute("SELECT seq, id FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return EventCursor(*row) if row else EventCursor()


def read_events(path: Path, after: EventCursor) -> Sequence[StoredEvent]:
    """Return the events after a cursor, in order; all of them if the database has been recreated since.

    Raises:
        StoreError: The database cannot be read.
    """
    with _reading(path) as connection:
        last = connection.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        there = connection.execute("SELECT id FROM events WHERE seq = ?", (after.seq,)).fetchone()
        same = last >= after.seq and (there is None or there[0] == after.id)
        rows = connection.execute(
            f"SELECT seq, received, {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq",  # noqa: S608  # names of our own
            (after.seq if same else 0,),
        ).fetchall()
    return [StoredEvent(seq, received, RegistryEvent(*columns)) for seq, received, *columns in rows]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for a consistent read: all statements see the same events."""
    try:
        uri = f"file:{quote(str(path))}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
