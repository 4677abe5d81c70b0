"""The ledger: every change of a tag, in SQLite, on disk before anybody is told; nothing in it is ever removed.

SQLite rather than a file of lines: the state at a time and the history of a tag are looked up by index, and a run that is
killed leaves all of its lines or none.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.core import exit_codes
from ops.core.database import is_read_only, open_database
from ops.events.reader import EventCursor
from ops.tasks.changes.model import Change, Kind, Record, Source

_MIGRATIONS = (
    """
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order, whatever the clock said
        time TEXT NOT NULL,
        repository TEXT NOT NULL,
        tag TEXT NOT NULL,
        old TEXT,
        new TEXT,                               -- NULL: the tag was removed
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        actor TEXT,
        event TEXT UNIQUE                       -- id of the registry's event that told it
    ) STRICT;
    CREATE INDEX changes_by_tag ON changes (repository, tag, seq);
    CREATE INDEX changes_by_time ON changes (time);
    CREATE TABLE scans (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,                     -- when it began to look
        unknown INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE places (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL, id TEXT NOT NULL) STRICT;
    CREATE TABLE horizon (only INTEGER PRIMARY KEY CHECK (only = 1), time TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE pushes (                       -- the last one of each tag, also when it changed nothing
        repository TEXT NOT NULL,
        tag TEXT NOT NULL,
        time TEXT NOT NULL,
        PRIMARY KEY (repository, tag)
    ) STRICT;
    """,
)
_COLUMNS = "seq, time, repository, tag, old, new, kind, source, actor"
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class LedgerError(Exception):
    """The ledger cannot be read or written now; it is unchanged."""

    exit_code = exit_codes.FAILED


class Ledger:
    """The ledger of one registry. Use it from one thread at a time; other processes may use it too."""

    def __init__(self, path: Path) -> None:
        """Open or create it. One that cannot be read is put aside, and `notice` says so. In a read-only folder it is only read.

        Raises:
            LedgerError: The folder is not writable, or a newer version of this program created the ledger.
        """
        self.notice: str | None = None
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _checked(path)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _UNREADABLE or is_read_only(path):
                    raise
                aside = _put_aside(path)
                self.notice = f"{path} could not be read ({error}); it is {aside.name} now, and a new ledger starts"
                self._connection = _checked(path)
        self._path = path

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything inside or nothing, with no other writer in between.

        Raises:
            LedgerError: The disk is full, or another process keeps the ledger locked for too long.
        """
        with _told(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has already rolled it back.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def append(
        self, change: Change, time: datetime, *, kind: Kind, source: Source, actor: str | None = None, event: str | None = None
    ) -> None:
        """Add a change; within a transaction."""
        self._connection.execute(
            "INSERT INTO changes (time, repository, tag, old, new, kind, source, actor, event)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_stamp(time), change.repository, change.tag, change.old, change.new, kind, source, actor, event),
        )

    def explain(self, record: Record, time: datetime, actor: str | None, event: str) -> None:
        """Add to a change that a scan found what an event says about it, once: when it was made, and by whom."""
        self._connection.execute(
            "UPDATE changes SET time = ?, actor = ?, event = ? WHERE seq = ? AND event IS NULL",
            (_stamp(time), actor, event, record.seq),
        )

    def pushed(self, repository: str, tag: str, time: datetime) -> None:
        """Record that a tag was pushed; within a transaction."""
        self._connection.execute(
            "INSERT INTO pushes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET time = max(time, excluded.time)",
            (repository, tag, _stamp(time)),
        )

    def pushes(self) -> dict[tuple[str, str], datetime]:
        """Return when each tag was pushed last, by repository and tag, as far as the registry has told."""
        rows = self._rows("SELECT repository, tag, time FROM pushes")
        return {(repository, tag): datetime.fromisoformat(time) for repository, tag, time in rows}

    def last_look(self) -> datetime | None:
        """Return when the last scan began; None before the first."""
        rows = self._rows("SELECT time FROM scans ORDER BY seq DESC LIMIT 1")
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def last_scan(self) -> int:
        """Return the number of the last scan; 0 before the first."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM scans")[0][0])

    def scanned(self, time: datetime, unknown: int) -> None:
        """Record a scan; within a transaction. The ledger starts with the first."""
        self._connection.execute("INSERT INTO scans (time, unknown) VALUES (?, ?)", (_stamp(time), unknown))
        self._connection.execute("INSERT INTO horizon VALUES (1, ?) ON CONFLICT DO NOTHING", (_stamp(time),))

    def cursor(self, reader: str) -> EventCursor:
        """Return how far a reader has come: in the gateway's events, or in this ledger to announce changes."""
        rows = self._rows("SELECT seq, id FROM places WHERE reader = ?", reader)
        return EventCursor(*rows[0]) if rows else EventCursor()

    def keep_cursor(self, reader: str, cursor: EventCursor) -> None:
        """Record how far a reader has come.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        with _told(self._path):
            self._connection.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", (reader, cursor.seq, cursor.id))

    def newest(self) -> int:
        """Return the number of the last change; 0 when there is none."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM changes")[0][0])

    def begins(self) -> datetime | None:
        """Return since when the ledger knows every state; None before the first scan."""
        rows = self._rows("SELECT time FROM horizon")
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def state(self, at: datetime | None = None) -> dict[str, dict[str, str]]:
        """Return which digest each tag pointed to at a time; now if None."""
        state: dict[str, dict[str, str]] = {}
        for repository, tag, new in self._rows(
            "SELECT repository, tag, new FROM changes WHERE new IS NOT NULL AND seq IN"
            " (SELECT max(seq) FROM changes WHERE time <= coalesce(?, time) GROUP BY repository, tag) ORDER BY repository, tag",
            _stamp(at) if at else None,
        ):
            state.setdefault(repository, {})[tag] = new
        return state

    def since(self, time: datetime, until: datetime | None = None) -> Sequence[Record]:
        """Return the changes since a time, and before another one if that is given, in the order in which they became known."""
        if until is None:
            return self._records("time >= ?", _stamp(time))
        return self._records("time >= ? AND time < ?", _stamp(time), _stamp(until))

    def after(self, seq: int) -> Sequence[Record]:
        """Return the changes with higher numbers."""
        return self._records("seq > ?", seq)

    def moved_before(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return the moves of tags that became known before these records, from the days of these records (UTC)."""
        moved = [record for record in records if record.kind is Kind.MOVED]
        if not moved:
            return ()
        day = min(record.time for record in moved).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        known = min(record.seq for record in records)
        return self._records("time >= ? AND seq < ? AND kind = ?", _stamp(day), known, Kind.MOVED)

    def history(self, repository: str, tag: str) -> Sequence[Record]:
        """Return all changes of a tag."""
        return self._records("repository = ? AND tag = ?", repository, tag)

    def last(self, repository: str, tag: str) -> Record | None:
        """Return the last change of a tag."""
        found = self._records("seq = (SELECT max(seq) FROM changes WHERE repository = ? AND tag = ?)", repository, tag)
        return found[0] if found else None

    def gone(self, repository: str) -> Sequence[Record]:
        """Return the last change of each tag of a repository that is no longer there."""
        latest = "SELECT max(seq) FROM changes later WHERE later.repository = changes.repository AND later.tag = changes.tag"
        return self._records(f"repository = ? AND new IS NULL AND seq = ({latest})", repository)

    def _records(self, condition: str, *values: str | int) -> Sequence[Record]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM changes WHERE {condition} ORDER BY seq", *values)  # noqa: S608  # our own
        return [
            Record(seq, datetime.fromisoformat(time), Change(repository, tag, old, new), Kind(kind), Source(source), actor)
            for seq, time, repository, tag, old, new, kind, source, actor in rows
        ]

    def _rows(self, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        with _told(self._path):
            return self._connection.execute(sql, values).fetchall()


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")  # all of one length, so that they sort as times do


def _checked(path: Path) -> sqlite3.Connection:
    connection = open_database(path, _MIGRATIONS)
    if is_read_only(path):
        return connection
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
    except BaseException:
        connection.close()
        raise
    connection.isolation_level = None  # transactions are started explicitly
    return connection


def _put_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.unreadable-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    # The log first: a kill in between must not leave a new ledger with the old log.
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(f"{path}: {error}") from error
