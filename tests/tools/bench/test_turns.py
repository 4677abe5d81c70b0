"""Measuring several ways in turns."""

from __future__ import annotations

from collections.abc import Callable

from tools.bench.turns import alternated, medians


def noting(calls: list[str], name: str) -> Callable[[], int]:
    def measure() -> int:
        calls.append(name)
        return len(calls)

    return measure


def test_each_turn_measures_every_way_once_and_the_first_turn_does_not_count() -> None:
    calls: list[str] = []
    found = alternated({name: noting(calls, name) for name in "ab"}, 2)
    assert calls == ["a", "b"] * 3
    assert found == {"a": [3, 5], "b": [4, 6]}


def test_without_a_warm_up_all_turns_count() -> None:
    calls: list[str] = []
    assert alternated({"a": noting(calls, "a")}, 2, warm_up=False) == {"a": [1, 2]}


def test_medians_are_of_seconds_by_way() -> None:
    calls: list[str] = []
    found = medians({name: noting(calls, name) for name in "ab"}, 3, warm_up=False)
    assert found.keys() == {"a", "b"}
    assert all(0 <= seconds < 10 for seconds in found.values())
