"""When tasks were last tried and done: kept for those whose successes are not in the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.runs.marks import Mark, Marks


def test_the_last_success_is_kept_when_later_runs_fail(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "tasks")
    assert marks.get("gc") is None
    marks.tried("gc", 1.0, well=False)
    assert marks.get("gc") == Mark(1.0)
    marks.tried("gc", 2.0, well=True)
    marks.tried("gc", 3.0, well=False)
    assert marks.get("gc") == Mark(3.0, 2.0)
    assert marks.get("snapshot") is None


def test_what_is_expected_is_known_from_then_on(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.expect("gc", 5.0)
    marks.expect("gc", 9.0)
    assert marks.get("gc") == Mark(5.0)


def test_a_clock_that_was_ahead_is_set_right(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.tried("gc", 900.0, well=True)
    marks.expect("gc", 9.0)
    assert marks.get("gc") == Mark(9.0, 9.0, well=True)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 1, "tried": null, "done": null, "well": true}', "\udcff"])
def test_a_damaged_file_is_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "gc.json").write_bytes(damage.encode(errors="surrogateescape"))
    marks = Marks(tmp_path)
    assert marks.get("gc") is None
    marks.tried("gc", 2.0, well=True)
    assert marks.get("gc") == Mark(2.0, 2.0, well=True)
