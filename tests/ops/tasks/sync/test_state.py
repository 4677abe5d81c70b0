"""What is remembered between runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ops.tasks.sync.model import EntryResult, EntryState, Failure
from ops.tasks.sync.plan import Known
from ops.tasks.sync.state import MirrorState, MirrorStateError
from tests.ops.tasks.sync.entries_for_tests import entry, seen

NOW = 1_000_000.0


@pytest.fixture
def state(tmp_path: Path) -> Iterator[MirrorState]:
    with closing(MirrorState(tmp_path / "mirror/mirror.db")) as found:
        yield found


def test_a_digest_is_first_seen_once_and_anew_when_the_tag_moves(state: MirrorState) -> None:
    one = entry()
    state.saw([(one, [seen("1")])], NOW)
    state.saw([(one, [seen("1")])], NOW + 10)
    assert state.known(one) == {"1": Known(seen("1").digest, NOW)}
    state.saw([(one, [seen("1", "sha256:" + "a" * 64)])], NOW + 20)
    assert state.known(one)["1"].since == NOW + 20


def test_a_release_holds_for_one_digest_until_it_is_copied(state: MirrorState) -> None:
    one = entry()
    assert state.release(one, "1") is None
    state.saw([(one, [seen("1")])], NOW)
    assert state.release(one, "1") == state.known(one)["1"].released == seen("1").digest
    state.copied(one, seen("1"))
    assert state.known(one)["1"] == Known(seen("1").digest, NOW, copied=seen("1").digest)


def test_an_entry_that_fails_keeps_when_it_was_well(state: MirrorState) -> None:
    one = entry()
    state.ended([(EntryResult(one, EntryState.CHANGED), NOW + 100)], NOW)
    failed = EntryResult(one, EntryState.FAILED, failures={"": Failure("away")}, tries=5, quarantined=True)
    state.ended([(failed, NOW + 90_000)], NOW + 50)
    record = state.records()[one.key]
    assert (record.well, record.looked, record.why, record.quarantined) == (NOW, NOW + 50, "away", True)
    assert not record.is_due(NOW + 80_000)
    assert record.is_due(NOW + 90_000)
    assert record.is_due(NOW - 1), "a clock that was set back keeps nothing from being looked at"
    state.retry(one)
    assert state.records()[one.key].is_due(NOW + 60)


def test_what_is_no_entry_any_more_is_forgotten(state: MirrorState) -> None:
    kept, gone = entry(), entry(target="other")
    for one in (kept, gone):
        state.saw([(one, [seen("1")])], NOW)
        state.ended([(EntryResult(one, EntryState.CHANGED), NOW)], NOW)
    state.forget_others([kept])
    assert list(state.records()) == [kept.key]
    assert (len(state.known(kept)), len(state.known(gone))) == (1, 0)


def test_one_that_cannot_be_read_is_told_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(MirrorStateError, match=r"mirror\.db cannot be used"):
        MirrorState(path)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(MirrorStateError, match="newer version"):
        MirrorState(tmp_path / "newer.db")
