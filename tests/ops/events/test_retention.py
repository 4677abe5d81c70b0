"""The events database does not grow for ever, and who reads it notices nothing of that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.events.reader import EventCursor, latest_cursor, read_events
from ops.events.store import EventStore
from tests.ops.gateway.gateway_rig import envelope, event, query


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    """One that has 25 events, e0 to e24."""
    with closing(EventStore(path, kept_days=90)) as store:
        for number in range(25):
            store.add(envelope(event(f"e{number}")))
        yield store


def age(path: Path, days: float, upto: int) -> None:
    """Make the events up to a number older."""
    received = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET received = ? WHERE seq <= ?", (received, upto))


def kept(path: Path) -> list[str]:
    return [row[0] for row in query(path, "SELECT id FROM events ORDER BY seq")]


def test_events_go_after_their_time_a_few_with_each_that_comes(store: EventStore, path: Path) -> None:
    age(path, 91, upto=12)
    store.add(envelope(event("first")))
    assert kept(path) == [*(f"e{number}" for number in range(10, 25)), "first"]
    store.add(envelope(event("second")))
    assert kept(path) == [*(f"e{number}" for number in range(12, 25)), "first", "second"]


def test_events_stay_for_their_time(store: EventStore, path: Path) -> None:
    age(path, 89, upto=25)
    store.add(envelope(event("new")))
    assert len(kept(path)) == 26


def test_what_is_sent_again_or_is_no_event_removes_nothing(store: EventStore, path: Path) -> None:
    age(path, 91, upto=25)
    for body in (envelope(event("e24")), b"garbage", None):
        store.add(body)
    assert len(kept(path)) == 25


def test_there_are_never_more_than_a_number_whatever_the_clock_says(
    store: EventStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.events.store._MOST_KEPT", 20)
    age(path, -10_000, upto=25)  # the clock was wrong: they are from the future
    for number in range(30):
        store.add(envelope(event(f"new{number}")))
    assert kept(path) == [f"new{number}" for number in range(10, 30)]


def test_a_file_that_events_have_left_is_used_again(store: EventStore, path: Path) -> None:
    def size() -> int:
        (pages,) = query(path, "PRAGMA page_count")[0]
        return int(pages)

    for number in range(100):
        store.add(envelope(event(f"before{number}")))
    before = size()
    for number in range(400):
        age(path, 91, upto=1_000_000)
        store.add(envelope(event(f"after{number}")))
    assert size() <= before + 2


def test_a_reader_resumes_at_its_cursor_even_if_that_event_is_gone(store: EventStore, path: Path) -> None:
    cursor = EventCursor(5, "e4")
    age(path, 91, upto=10)
    store.add(envelope(event("new")))
    assert [one.event.id for one in read_events(path, cursor)] == [*(f"e{number}" for number in range(10, 25)), "new"]


def test_a_reader_that_has_read_all_finds_only_what_is_new_when_all_that_it_read_is_old(store: EventStore, path: Path) -> None:
    cursor = latest_cursor(path)
    age(path, 91, upto=25)
    for number in range(3):
        store.add(envelope(event(f"new{number}")))
    assert kept(path) == ["new0", "new1", "new2"]
    assert [one.event.id for one in read_events(path, cursor)] == ["new0", "new1", "new2"]


def test_the_newest_event_stays_however_old_so_that_cursors_stay_valid(path: Path) -> None:
    with closing(EventStore(path, kept_days=-1)) as store:  # every event is too old at once
        for number, name in enumerate(("first", "second"), start=1):
            store.add(envelope(event(name)))
            assert kept(path) == [name]
            assert latest_cursor(path) == EventCursor(number, name)
