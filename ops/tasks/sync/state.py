"""What is remembered of the mirror between its runs: how each entry fared, and when its tags were first seen."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.core import exit_codes
from ops.core.database import open_database
from ops.tasks.sync.eta import Speed
from ops.tasks.sync.model import EntryResult, EntryState, MirrorEntry, Seen
from ops.tasks.sync.plan import Known

DATABASE = "mirror.db"
_MIGRATIONS = (
    """
    CREATE TABLE entries (
        key TEXT PRIMARY KEY,
        looked REAL NOT NULL,               -- when it was looked at last
        well REAL,                          -- when that last went well
        state TEXT NOT NULL,
        why TEXT NOT NULL,
        tries INTEGER NOT NULL,             -- runs in a row that failed
        again REAL NOT NULL                 -- when it is due again
    ) STRICT;
    CREATE TABLE tags (
        key TEXT NOT NULL,
        tag TEXT NOT NULL,
        digest TEXT NOT NULL,               -- upstream
        since REAL NOT NULL,                -- when it was first seen pointing there
        copied TEXT NOT NULL DEFAULT '',
        released TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (key, tag)
    ) STRICT;
    CREATE TABLE runs (only INTEGER PRIMARY KEY CHECK (only = 1), ended REAL NOT NULL, pulls TEXT NOT NULL) STRICT;
    """,
    # What people were told of entries that fail.
    "CREATE TABLE told (key TEXT PRIMARY KEY, what TEXT NOT NULL) STRICT;",
    # What copies from a registry have fetched, and how long that took.
    "CREATE TABLE copies (registry TEXT PRIMARY KEY, size REAL NOT NULL, seconds REAL NOT NULL) STRICT;",
)
# After so many runs in a row that failed, an entry is looked at once a day.
QUARANTINED_AFTER = 5
# Runs of the schedule begin up to so much earlier or later than planned.
_SLACK_S = 1800.0
# After so many seconds of copying, what was measured before counts by half.
_REMEMBERED_S = 1800.0


class MirrorStateError(Exception):
    """What is remembered cannot be read or written now."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class Record:
    """How an entry fared when it was looked at last.

    Attributes:
        looked: When that was, in seconds since 1970.
        well: When it last went well; None if it never did.
        state: How it fared.
        why: Why it failed, waits or was skipped.
        tries: How many runs in a row have failed.
        again: When it is due again.
    """

    looked: float
    well: float | None
    state: EntryState
    why: str
    tries: int
    again: float

    @property
    def quarantined(self) -> bool:
        """Whether it failed so often that it is only looked at once a day."""
        return self.tries >= QUARANTINED_AFTER

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at it again. A clock that was set back makes it due."""
        return now >= self.again - _SLACK_S or self.looked > now


class MirrorState:
    """The database of the mirror; several threads may use it."""

    def __init__(self, path: Path) -> None:
        """Open or create it.

        Raises:
            MirrorStateError: It cannot be opened.
        """
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = open_database(path, _MIGRATIONS)
        self._path, self._lock = path, threading.RLock()

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def records(self) -> Mapping[str, Record]:
        """Return how the entries fared, by their keys."""
        with _told(self._path), self._lock:
            rows = self._connection.execute("SELECT key, looked, well, state, why, tries, again FROM entries").fetchall()
        return {
            key: Record(looked, well, EntryState(state), why, tries, again)
            for key, looked, well, state, why, tries, again in rows
        }

    def known(self, entry: MirrorEntry) -> dict[str, Known]:
        """Return what is remembered of an entry's tags."""
        with _told(self._path), self._lock:
            rows = self._connection.execute(
                "SELECT tag, digest, since, copied, released FROM tags WHERE key = ?", (entry.key,)
            ).fetchall()
        return {tag: Known(digest, since, copied, released) for tag, digest, since, copied, released in rows}

    def saw(self, found: Iterable[tuple[MirrorEntry, Iterable[Seen]]], now: float) -> None:
        """Remember what upstream has. A tag that points elsewhere than before is first seen so now."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO tags (key, tag, digest, since) VALUES (?, ?, ?, ?) ON CONFLICT (key, tag) DO UPDATE SET"
                " since = CASE WHEN digest = excluded.digest THEN since ELSE excluded.since END, digest = excluded.digest",
                [(entry.key, one.tag, one.digest, now) for entry, seen in found for one in seen],
            )

    def copied(self, entry: MirrorEntry, seen: Seen) -> None:
        """Remember that a tag was copied."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE tags SET copied = ?, released = '' WHERE key = ? AND tag = ?", (seen.digest, entry.key, seen.tag)
            )

    def found(self, entry: MirrorEntry, tags: Iterable[str]) -> None:
        """Remember that tags are here as upstream has them, whoever has copied them."""
        with self._writing() as connection:
            rows = [(entry.key, tag) for tag in tags]
            connection.executemany("UPDATE tags SET copied = digest WHERE key = ? AND tag = ? AND copied <> digest", rows)

    def ended(self, results: Iterable[tuple[EntryResult, float]], now: float) -> None:
        """Remember how entries fared, each with the time at which it is due again."""
        rows = [
            (
                one.entry.key,
                now,
                now if one.state in {EntryState.UNCHANGED, EntryState.CHANGED} else None,
                str(one.state),
                one.why,
                one.tries,
                again,
            )
            for one, again in results
        ]
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO entries (key, looked, well, state, why, tries, again) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET looked = excluded.looked, well = coalesce(excluded.well, well),"
                " state = excluded.state, why = excluded.why, tries = excluded.tries, again = excluded.again",
                rows,
            )

    def retry(self, entry: MirrorEntry) -> None:
        """Forget that an entry failed: it is due now."""
        with self._writing() as connection:
            connection.execute("UPDATE entries SET tries = 0, again = 0 WHERE key = ?", (entry.key,))

    def release(self, entry: MirrorEntry, tag: str) -> str | None:
        """Let a held tag go where upstream has it; return its digest there, None if the tag was never seen."""
        with self._writing() as connection:
            connection.execute("UPDATE tags SET released = digest WHERE key = ? AND tag = ?", (entry.key, tag))
            connection.execute("UPDATE entries SET again = 0 WHERE key = ?", (entry.owner.key,))
            row = connection.execute("SELECT digest FROM tags WHERE key = ? AND tag = ?", (entry.key, tag)).fetchone()
        return str(row[0]) if row else None

    def forget_others(self, entries: Iterable[MirrorEntry]) -> None:
        """Forget entries that are in the catalogue no longer."""
        keys = {entry.key for entry in entries}
        gone = [(key,) for key in self.records() if key not in keys]
        with self._writing() as connection:
            connection.executemany("DELETE FROM entries WHERE key = ?", gone)
            connection.executemany("DELETE FROM tags WHERE key = ?", gone)
            connection.executemany("DELETE FROM tags WHERE substr(key, 1, length(?1) + 1) = ?1 || ' '", gone)  # of its parts

    def parts(self, entry: MirrorEntry) -> list[str]:
        """Return the repositories here of which tags were seen for an entry of a whole registry."""
        with _told(self._path), self._lock:
            rows = self._connection.execute(
                "SELECT DISTINCT key FROM tags WHERE substr(key, 1, length(?1) + 1) = ?1 || ' '", (entry.key,)
            ).fetchall()
        return sorted(key.removeprefix(f"{entry.key} ") for (key,) in rows)

    def run_ended(self, pulls: Mapping[str, int], now: float) -> None:
        """Remember that a run has ended, and how many pulls upstream grants yet."""
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs (only, ended, pulls) VALUES (1, ?, ?)", (now, json.dumps(dict(pulls)))
            )

    def last_run(self) -> tuple[float, Mapping[str, int]] | None:
        """Return when a run ended last, and how many pulls upstream granted then."""
        with _told(self._path), self._lock:
            row = self._connection.execute("SELECT ended, pulls FROM runs").fetchone()
        return (float(row[0]), json.loads(row[1])) if row else None

    def speeds(self) -> dict[str, Speed]:
        """Return how fast copies were, by registry."""
        with _told(self._path), self._lock:
            rows = self._connection.execute("SELECT registry, size, seconds FROM copies").fetchall()
        return {registry: Speed(size, seconds) for registry, size, seconds in rows}

    def measured(self, registry: str, size: int, seconds: float) -> None:
        """Remember how fast copies from a registry were. What is long ago counts for less and less."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO copies (registry, size, seconds) VALUES (?, ?, ?) ON CONFLICT (registry) DO UPDATE SET"
                " size = size * (CASE WHEN seconds > ? THEN 0.5 ELSE 1 END) + excluded.size,"
                " seconds = seconds * (CASE WHEN seconds > ? THEN 0.5 ELSE 1 END) + excluded.seconds",
                (registry, size, seconds, _REMEMBERED_S, _REMEMBERED_S),
            )

    def told(self) -> dict[str, str]:
        """Return what people were told of entries that fail, by their keys."""
        with _told(self._path), self._lock:
            return dict(self._connection.execute("SELECT key, what FROM told").fetchall())

    def tell(self, told: Mapping[str, str]) -> None:
        """Remember what people were told last."""
        with self._writing() as connection:
            connection.execute("DELETE FROM told")
            connection.executemany("INSERT INTO told (key, what) VALUES (?, ?)", list(told.items()))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _told(self._path), self._lock, self._connection:
            yield self._connection


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MirrorStateError(f"{path} cannot be used: {error}") from error
