"""The events database: nothing acknowledged is lost, nothing is kept twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.events.store import EventStore, StoreError
from tests.ops.gateway.gateway_rig import envelope, event, query


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    with closing(EventStore(path)) as store:
        yield store


def test_an_event_is_kept_with_what_later_readers_need(store: EventStore, path: Path) -> None:
    kept = store.add(envelope(event("e1")))
    assert ([one.id for one in kept.new], kept.repeated, kept.problem) == (["e1"], 0, None)
    sql = "SELECT seq, id, action, repository, tag, digest, media_type, actor, timestamp FROM events"
    assert query(path, sql) == [
        (
            1,
            "e1",
            "push",
            "team/app",
            "v1",
            "sha256:" + "b5" * 32,
            "application/vnd.oci.image.manifest.v1+json",
            "admin",
            "2026-11-23T09:22:38.48Z",
        )
    ]
    assert query(path, "SELECT raw ->> '$.request.useragent', received > '2026' FROM events") == [("docker", 1)]


def test_an_event_sent_again_is_kept_once(store: EventStore, path: Path) -> None:
    assert store.add(envelope(event("e1"))).repeated == 0
    kept = store.add(envelope(event("e1", tag="other"), event("e2"), event("e2")))
    assert ([one.id for one in kept.new], kept.repeated) == (["e2"], 2)
    assert query(path, "SELECT id, tag FROM events ORDER BY seq") == [("e1", "v1"), ("e2", "v1")]


def test_a_restart_continues_where_it_was(path: Path) -> None:
    for number in range(3):
        with closing(EventStore(path)) as store:
            store.add(envelope(event("same"), event(f"e{number}")))
    assert query(path, "SELECT id FROM events ORDER BY seq") == [("same",), ("e0",), ("e1",), ("e2",)]


def test_a_commit_is_on_disk_when_it_returns(store: EventStore) -> None:
    store.check()
    connection = store._connection
    assert connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_bad_bodies_are_kept_counted_and_bounded(store: EventStore, path: Path) -> None:
    for number in range(130):
        assert store.add(b"bad %d" % number).problem
    store.add(b"x" * 1_000_000)
    store.add(None)
    assert query(path, "SELECT count(*), max(seq) FROM bad_events") == [(100, 132)]
    assert query(path, "SELECT reason, length(body) FROM bad_events ORDER BY seq DESC LIMIT 2") == [
        ("larger than 1048576 bytes", 0),
        ("not JSON: Expecting value: line 1 column 1 (char 0)", 65536),
    ]
    assert query(path, "SELECT count(*) FROM events") == [(0,)]


def test_a_full_disk_stores_nothing_of_a_request_and_the_next_one_works(store: EventStore, path: Path) -> None:
    store.add(envelope(event("before")))
    connection = store._connection
    assert connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then answers as on a full disk
    many = [event(f"e{number}") for number in range(200)]
    with pytest.raises(StoreError, match=r"events\.db: database or disk is full"):
        store.add(envelope(*many))
    assert query(path, "SELECT id FROM events") == [("before",)]
    assert len(store.add(envelope(*many)).new) == 200


def test_events_that_cannot_be_stored_show_even_when_a_smaller_write_succeeds(path: Path) -> None:
    now = 0.0
    with closing(EventStore(path, clock=lambda: now)) as store:
        store.check()
        assert store._connection
        store._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError):
            store.add(envelope(*(event(f"e{number}") for number in range(200))))
        now = 59.0
        with pytest.raises(StoreError, match="database or disk is full"):
            store.check()
        now = 61.0
        store.check()
        store.add(envelope(event("e1")))
        store.check()


def test_a_folder_that_appears_late_is_used(tmp_path: Path) -> None:
    path = tmp_path / "late" / "events.db"
    with closing(EventStore(path)) as store:
        with pytest.raises(StoreError, match="unable to open database file"):
            store.check()
        path.parent.mkdir()
        store.check()
        assert len(store.add(envelope(event("e1"))).new) == 1


def test_a_damaged_database_is_left_alone(store: EventStore, path: Path) -> None:
    damaged = b"this is not a database, but somebody may still want it" * 100
    path.write_bytes(damaged)
    for attempt in (store.check, lambda: store.add(envelope(event("e1"))), lambda: store.add(None)):
        with pytest.raises(StoreError, match="file is not a database"):
            attempt()
    assert path.read_bytes() == damaged


def test_a_database_of_a_newer_version_is_left_alone(store: EventStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"written by a newer version of this program \(schema 99\)"):
        store.add(envelope(event("e1")))
    assert query(path, "PRAGMA user_version") == [(99,)]


def test_a_locked_database_is_an_error_that_passes(store: EventStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.core.database._BUSY_TIMEOUT_S", 0.01)
    store.check()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        store.close()
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="database is locked"):
            store.add(envelope(event("e1")))
        other.execute("ROLLBACK")
    assert len(store.add(envelope(event("e1"))).new) == 1
