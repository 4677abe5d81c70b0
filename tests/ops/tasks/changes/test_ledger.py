"""The ledger: what it answers, and how a new one replaces one that cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.events.reader import EventCursor
from ops.tasks.changes.ledger import Ledger, LedgerError
from ops.tasks.changes.model import Change
from ops.tasks.changes.views import changes_since, history, state_at
from tests.ops.gateway.gateway_rig import query
from tests.ops.tasks.changes.ledger_samples import NOON, A, B, C, baseline, look, minutes, seen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "changes.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(Ledger(path)) as ledger:
        yield ledger


def test_the_first_run_is_a_baseline_and_later_ones_tell_what_changed(ledger: Ledger) -> None:
    assert look(ledger, seen(v1=A, v2=A), 0).news == []
    report = look(ledger, seen(v1=B, v3=C), 10)
    assert [(one.change, one.time) for one in report.news] == [
        (Change("app", "v1", A, B), minutes(10)),
        (Change("app", "v2", A, None), minutes(10)),
        (Change("app", "v3", None, C), minutes(10)),
    ]
    assert look(ledger, seen(v1=B, v3=C), 20).records == []


def test_what_changed_since_a_time_is_looked_up(ledger: Ledger) -> None:
    for at, digest in ((0, A), (10, B), (20, C)):
        look(ledger, seen(v1=digest, v2=A), at)
    report = changes_since(ledger, minutes(15))
    assert [one.change for one in report.records] == [Change("app", "v1", B, C)]
    assert (report.repositories_added, report.notices) == ([], [])
    early = changes_since(ledger, minutes(-60))
    assert (len(early.news), early.repositories_added) == (2, [])
    assert early.notices == ["the ledger starts at 2026-11-23 12:00:00 UTC"]


def test_the_state_at_any_time_is_looked_up(ledger: Ledger) -> None:
    assert state_at(ledger, NOON).notice == "there is no ledger yet; `regops changes` starts it"
    for at, scan in ((0, seen(v1=A, v2=A)), (10, seen(v1=B, v2=A)), (20, seen(v2=A))):
        look(ledger, scan, at)
    states = {at: state_at(ledger, minutes(at)) for at in (-1, 0, 9, 10, 25)}
    assert [one.state for one in states.values()] == [
        {},
        baseline(v1=A, v2=A),
        baseline(v1=A, v2=A),
        baseline(v1=B, v2=A),
        baseline(v2=A),
    ]
    assert [bool(one.notice) for one in states.values()] == [True, False, False, False, False]


def test_the_history_of_a_tag_is_looked_up(ledger: Ledger) -> None:
    for at, digest in ((0, A), (10, B)):
        look(ledger, seen(v1=digest, v2=A), at)
    assert [one.change.new for one in history(ledger, "app:v1").records] == [A, B]
    assert history(ledger, "host/app:v1").records == []
    for wrong in ("app", "app:", ":v1", "host:5000/app"):
        with pytest.raises(ValueError, match="should be repository:tag"):
            history(ledger, wrong)


def test_tags_that_are_no_longer_there_are_looked_up(ledger: Ledger) -> None:
    for at, tags in enumerate([{"v1": A, "v2": A, "v3": A}, {"v3": A}, {"v2": B, "v3": A}, {"v2": B}]):
        look(ledger, seen(**tags), 10 * at, accept=True)
    assert [(one.change.tag, one.change.old) for one in ledger.gone("app")] == [("v1", A), ("v3", A)]
    assert ledger.gone("other") == []


def test_a_clock_that_goes_back_spoils_no_order(ledger: Ledger) -> None:
    look(ledger, seen(v1=A), 0)
    look(ledger, seen(v1=B), 600)  # the clock was ten hours fast
    look(ledger, seen(v1=C, v2=C), 20)
    assert [one.change.new for one in history(ledger, "app:v1").records] == [A, B, C]
    assert ledger.state() == baseline(v1=C, v2=C)
    assert look(ledger, seen(v1=C, v2=C), 30).records == []
    assert state_at(ledger, minutes(60)).state == baseline(v1=C, v2=C)


def test_what_is_no_ledger_is_put_aside_and_a_new_one_begins_with_a_notice(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with closing(Ledger(path)) as ledger:
        report = look(ledger, seen(v1=A), 0)
        assert report.news == []
        assert "changes.db could not be read (file is not a database); it is changes.db.unreadable-" in report.notices[0]
    aside = [file for file in path.parent.iterdir() if ".unreadable-" in file.name]
    assert [file.read_bytes() for file in aside] == [b"this is no database" * 100]
    with closing(Ledger(path)) as ledger:
        assert ledger.notice is None
        assert ledger.state() == baseline(v1=A)


@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.9])
def test_a_ledger_that_is_damaged_anywhere_is_put_aside(path: Path, fraction: float) -> None:
    with closing(Ledger(path)) as ledger:
        look(ledger, seen(**{f"t{number}": A for number in range(500)}), 0)
    content = bytearray(path.read_bytes())
    start = int(len(content) * fraction) // 4096 * 4096
    content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with closing(Ledger(path)) as ledger:
        assert ledger.notice
        assert "a new ledger starts" in ledger.notice
        assert ledger.last_scan() == 0


@pytest.mark.parametrize("left", [0, 5_000, 20_000])
def test_a_ledger_that_was_cut_short_is_no_crash(path: Path, left: int) -> None:
    with closing(Ledger(path)) as ledger:
        look(ledger, seen(**{f"t{number}": A for number in range(500)}), 0)
    path.write_bytes(path.read_bytes()[:left])
    with closing(Ledger(path)) as ledger:
        assert look(ledger, seen(v1=A), 10).news == []
        assert bool(ledger.notice) == bool(left)


def test_the_log_of_a_ledger_that_is_put_aside_is_not_taken_for_the_new_ones(ledger: Ledger, path: Path) -> None:
    look(ledger, seen(**{f"t{number}": A for number in range(500)}), 0)
    ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.keep_cursor("reader", EventCursor(1, "e"))  # is in the log only, which stays as long as this connection is open
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 10 * 4096] = b"\xff" * 8192
    path.write_bytes(content)
    with closing(Ledger(path)) as again:
        assert again.notice
        assert again.cursor("reader") == EventCursor()
        assert len(list(path.parent.glob("changes.db.unreadable-*-wal"))) == 1
        assert look(again, seen(v1=B), 10).news == []


def test_a_run_that_records_keeps_others_out(ledger: Ledger, path: Path) -> None:
    with ledger.transaction(), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM changes").fetchone() == (0,), "readers are not kept out"


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match=r"changes\.db: written by a newer version of this program \(schema 99\)"):
        Ledger(path)
    assert query(path, "PRAGMA user_version") == [(99,)]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"file/changes\.db: "):
        Ledger(tmp_path / "file" / "changes.db")


def test_a_full_disk_loses_nothing_and_the_next_run_goes_on(ledger: Ledger) -> None:
    look(ledger, seen(v1=A), 0)
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then answers as on a full disk
    many = seen(v1=B, **{f"t{number}": A for number in range(500)})
    with pytest.raises(LedgerError, match="database or disk is full"):
        look(ledger, many, 10)
    assert ledger.state() == baseline(v1=A)
    ledger._connection.execute("PRAGMA max_page_count = 100000")
    assert len(look(ledger, many, 20).news) == 501


def test_a_commit_is_on_disk_when_it_returns(ledger: Ledger) -> None:
    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_places_of_readers_are_kept(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        assert ledger.cursor("notifier") == EventCursor()
        ledger.keep_cursor("notifier", EventCursor(7, "e"))
    with closing(Ledger(path)) as ledger:
        assert ledger.cursor("notifier") == EventCursor(7, "e")
        assert ledger.cursor("other") == EventCursor()
