"""Opens SQLite databases, migrated to the current schema; a commit is on disk when it returns. Unwritable ones are only read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

_BUSY_TIMEOUT_S = 5.0


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open a database; only to read, if this process may not write there (`is_read_only`).

    Args:
        path: Its file; the folder must exist.
        migrations: The SQL of each version, applied from the database's `user_version` on. Add new versions at the end.

    Raises:
        sqlite3.Error: It cannot be opened, or was written by a newer version of this program.
    """
    if is_read_only(path):
        return _open_to_read(path)
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


def is_read_only(path: Path) -> bool:
    """Whether this process may not write a database: it is in a folder that is mounted read-only, as in a container."""
    return not os.access(path.parent, os.W_OK)


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open a database that others write.

    Reading a log needs a file of shared memory. The last writer removes it together with the log, and it cannot be made here:
    https://www.sqlite.org/wal.html#read_only_databases . The database alone is all there is, then. It is read alone, too, if a
    writer was killed and nobody has recovered its log yet: what is in there shows once the next one writes.
    """
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            refusal = error
        else:
            return connection
    raise refusal
