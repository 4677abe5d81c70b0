"""What was found out is good for seconds, and little of it is kept."""

from __future__ import annotations

import pytest

from ops.console.recent import Recent


def test_it_is_found_out_once_and_again_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    recent = Recent[int]()

    def find_out(key: str) -> int:
        asked.append(key)
        return len(asked)

    assert [recent.get(key, find_out) for key in "aab"] == [1, 1, 2]
    monkeypatch.setattr("ops.console.recent.GOOD_FOR_S", 0.0)
    assert recent.get("a", find_out) == 3


def test_few_are_kept() -> None:
    recent = Recent[str]()
    asked: list[str] = []
    for key in "abcdea":
        recent.get(key, lambda key: asked.append(key) or key)  # type: ignore[func-returns-value]
    assert asked == list("abcdea")
