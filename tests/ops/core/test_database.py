"""Databases are migrated and kept; where nothing may be written they are read, with all that their writers have committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.core.database import is_read_only, open_database
from tests.mounts import mounted

MIGRATIONS = ("CREATE TABLE words (word TEXT) STRICT;", "CREATE INDEX by_word ON words (word);")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a word, that nobody has open."""
    path = tmp_path / "there" / "some words.db"
    path.parent.mkdir()
    with closing(open_database(path, MIGRATIONS)) as connection, connection:
        connection.execute("INSERT INTO words VALUES ('first')")
    return path


@pytest.fixture
def elsewhere(database: Path, tmp_path: Path) -> Iterator[Path]:
    """The same, as a container sees it that may only read it."""
    with mounted(tmp_path / "read-only", "-o", "bind,ro", database.parent) as folder:
        yield folder / database.name


def words(connection: sqlite3.Connection) -> list[str]:
    return [word for (word,) in connection.execute("SELECT word FROM words ORDER BY rowid")]


def test_it_is_migrated_and_not_by_an_older_program(database: Path) -> None:
    with closing(open_database(database, MIGRATIONS)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert words(connection) == ["first"]
    with pytest.raises(sqlite3.NotSupportedError, match="newer version"):
        open_database(database, MIGRATIONS[:1])


def test_what_nobody_has_open_is_read(elsewhere: Path) -> None:
    assert is_read_only(elsewhere)
    with closing(open_database(elsewhere, MIGRATIONS)) as connection:
        assert words(connection) == ["first"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO words VALUES ('never')")


def test_what_a_writer_has_not_merged_yet_is_read(database: Path, elsewhere: Path) -> None:
    assert not is_read_only(database)
    with closing(open_database(database, MIGRATIONS)) as writer:
        writer.execute("INSERT INTO words VALUES ('second')")
        writer.commit()
        with closing(open_database(elsewhere, MIGRATIONS)) as reader:
            assert words(reader) == ["first", "second"]
            writer.execute("INSERT INTO words VALUES ('third')")
            writer.commit()
            assert words(reader) == ["first", "second", "third"]


def test_what_a_killed_writer_has_left_does_not_hinder_reading(database: Path, elsewhere: Path) -> None:
    with closing(open_database(database, MIGRATIONS)) as writer:
        writer.execute("INSERT INTO words VALUES ('second')")
        writer.commit()
        log = database.with_name(f"{database.name}-wal").read_bytes()
    database.with_name(f"{database.name}-wal").write_bytes(log)  # and no shared memory
    with closing(open_database(elsewhere, MIGRATIONS)) as reader:
        assert words(reader)[0] == "first"


def test_a_database_that_is_not_there_is_an_error(elsewhere: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_database(elsewhere.with_name("none.db"), MIGRATIONS)
