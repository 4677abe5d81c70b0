"""Opens SQLite databases, migrated to the current schema; a commit is on disk when it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

_BUSY_TIMEOUT_S = 5.0


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open a database.

    Args:
        path: Its file; the folder must exist.
        migrations: The SQL of each version, applied from the database's `user_version` on. Add new versions at the end.

    Raises:
        sqlite3.Error: It cannot be opened, or was written by a newer version of this program.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            raise sqlite3.NotSupportedError(f"written by a newer version of this program (schema {version})")
        for number, statements in enumerate(migrations[version:], start=version + 1):
            connection.executescript(f"BEGIN; {statements} PRAGMA user_version = {number}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection
