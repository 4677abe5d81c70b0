"""The times that writes were held: what is kept of them, and what they tell of the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.registry import holds as module
from ops.registry.holds import Hold, Holds, expected_s

SLICE = Hold("gc", 100.0, 0.9, files=100)


@pytest.fixture
def holds(tmp_path: Path) -> Holds:
    return Holds(tmp_path / "data" / "read-only.jsonl")


def test_those_after_a_time_are_found(holds: Holds) -> None:
    assert holds.all() == []
    later = Hold("restore", 200.0, 60.0)
    holds.add(SLICE)
    holds.add(later)
    assert holds.all() == [SLICE, later]
    assert holds.all(since=259.0) == [later], "it had not ended"
    assert holds.all(since=260.0) == []


def test_a_line_that_was_cut_short_spoils_no_other(holds: Holds, tmp_path: Path) -> None:
    holds.add(SLICE)
    with (tmp_path / "data" / "read-only.jsonl").open("a") as file:
        file.write('{"by": "gc", "beg')
    holds.add(SLICE)
    assert holds.all() == [SLICE, SLICE]


def test_the_oldest_are_forgotten(holds: Holds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIM_BYTES", 400)
    monkeypatch.setattr(module, "_KEPT_LINES", 3)
    for second in range(20):
        holds.add(Hold("gc", float(second), 0.5))
    assert 3 <= len(holds.all()) < 10
    assert holds.all()[-1].began == 19.0


def test_what_is_held_for_a_moment_is_refused_to_nobody() -> None:
    assert (Hold("gc", 0.0, 19.0).refused_s, Hold("gc", 0.0, 50.0).refused_s) == (0.0, 30.0)


@pytest.mark.parametrize(
    ("before", "files", "sliced", "expected"),
    [
        ([], 10, True, None),
        ([Hold("restore", 0.0, 30.0, files=10)], 10, True, None),
        ([Hold("gc", 0.0, 30.0)], 10, True, None),
        ([SLICE, SLICE], 1_000_000, True, 0.0),
        ([Hold("gc", 0.0, 30.0, files=100), SLICE], 2000, True, 100.0),
        ([SLICE], 1000, False, 0.0),
        ([SLICE], 10_000, False, 70.0),
    ],
    ids=["none before", "of others", "uncounted", "quick slices", "slow slices", "at once, quick", "at once, long"],
)
def test_times_before_tell_how_long_writes_will_be_refused(
    before: list[Hold], files: int, sliced: bool, expected: float | None
) -> None:
    assert expected_s(before, "gc", files, sliced=sliced) == (expected if expected is None else pytest.approx(expected))


def test_a_host_that_has_become_quicker_is_believed() -> None:
    slow = Hold("gc", 0.0, 60.0, files=10)
    assert expected_s([slow] * 50 + [SLICE] * 200, "gc", 10_000, sliced=True) == 0.0
