"""Stores the registry's events in SQLite: on disk before they are acknowledged, each once, in order of arrival."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.core import exit_codes
from ops.core.database import open_database
from ops.events.envelope import RegistryEvent, parse

# Applied in order from the database's user_version on; a new version is a new entry at the end.
_MIGRATIONS = (
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of arrival: a reader keeps its cursor by it
        id TEXT NOT NULL UNIQUE,                -- the registry's; the same when it sends an event again
        action TEXT, repository TEXT, tag TEXT, digest TEXT, media_type TEXT, actor TEXT, timestamp TEXT,
        received TEXT NOT NULL,
        raw TEXT NOT NULL
    ) STRICT;
    CREATE TABLE bad_events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the highest is how many there have been in all
        received TEXT NOT NULL,
        reason TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    """,
)
_INSERT = (
    "INSERT INTO events (id, action, repository, tag, digest, media_type, actor, timestamp, received, raw)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
_INSERT_BAD = "INSERT INTO bad_events (received, reason, body) VALUES (?, ?, ?)"
_DELETE_BAD = "DELETE FROM bad_events WHERE seq <= ?"
# A few of the oldest with each new one, so that none waits for a big clean-up. The newest stays: cursors point at it.
_DELETE_OLD = (
    "DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT 10)"
    " AND (received < ? OR seq <= (SELECT max(seq) FROM events) - ?) AND seq < (SELECT max(seq) FROM events)"
)
_MOST_KEPT = 500_000  # some 1 GB, whatever the clock says
_BAD_KEPT = 100
_BAD_BODY_BYTES = 64 * 1024
_FAILURE_STANDS_S = 60.0  # longer than the registry waits before it sends an event again


class StoreError(Exception):
    """Events cannot be stored now: the disk is full, or the database cannot be written. Nothing was stored."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class Kept:
    """What was stored of a webhook's body.

    Attributes:
        new: The events that were not there before.
        repeated: How many were there already.
        problem: What is wrong with the body, if anything.
    """

    new: Sequence[RegistryEvent]
    repeated: int = 0
    problem: str | None = None


class EventStore:
    """The events database. It is opened on first use, and again after a failure; tokens are issued in the meantime.

    Not thread-safe: use it from one thread at a time.
    """

    def __init__(self, path: Path, *, kept_days: int = 90, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._kept = timedelta(days=kept_days)
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._failure: tuple[float, str] | None = None

    def add(self, body: bytes | None) -> Kept:
        """Store a webhook's body; None is a body that was too large. It is on disk when this returns.

        The oldest events are deleted, and so are all but the last of the bad bodies.

        Raises:
            StoreError: It could not be stored.
        """
        events, problem = parse(body)
        now = datetime.now(UTC)
        received = _stamp(now)
        try:
            with self._transaction() as connection:
                new = [event for event in events if connection.execute(_INSERT, _row(event, received)).rowcount]
                if new:
                    connection.execute(_DELETE_OLD, (_stamp(now - self._kept), _MOST_KEPT))
                if problem:
                    cursor = connection.execute(_INSERT_BAD, (received, problem, (body or b"")[:_BAD_BODY_BYTES]))
                    connection.execute(_DELETE_BAD, ((cursor.lastrowid or 0) - _BAD_KEPT,))
        except StoreError as error:
            self._failure = self._clock(), str(error)
            raise
        self._failure = None
        return Kept(new, len(events) - len(new), problem)

    def check(self) -> None:
        """Check that events can be stored: none has failed lately, and the database can be written.

        Raises:
            StoreError: They cannot.
        """
        # On a full disk the small write below may still fit where an event does not.
        if self._failure and self._clock() < self._failure[0] + _FAILURE_STANDS_S:
            raise StoreError(self._failure[1])
        with self._transaction() as connection:
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def last_received(self) -> datetime | None:
        """Return when the newest event arrived; None if there is none.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT received FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def close(self) -> None:
        """Close the database. What was acknowledged is on disk already."""
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, all or nothing. Every failure of the database becomes a StoreError."""
        try:
            self._connection = self._connection or open_database(self._path, _MIGRATIONS)
            with self._connection as connection:
                yield connection
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{self._path}: {error}") from error


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _row(event: RegistryEvent, received: str) -> tuple[str | None, ...]:
    return (
        event.id,
        event.action,
        event.repository,
        event.tag,
        event.digest,
        event.media_type,
        event.actor,
        event.timestamp,
        received,
        event.raw,
    )
