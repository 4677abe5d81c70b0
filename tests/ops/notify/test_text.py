"""Text for small screens: odd characters, and cuts at whole lines and characters."""

from __future__ import annotations

import pytest

from ops.notify.text import clean, cut, duration, fit, size, utc


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ("tab\there", "tab here"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("bell\a null\0 delete\x7f", "bell null delete"),
        ("half a pair \ud83d of it", "half a pair  of it"),
        ("exe.\u202egpj", "exe.gpj"),
        ("family 👨‍👩‍👧 é e\u0301 漢字", "family 👨‍👩‍👧 é e\u0301 漢字"),
        ("line\u2028separator", "line separator"),
        ("end \r\n", "end"),
    ],
)
def test_only_what_can_be_shown_stays(odd: str, shown: str) -> None:
    assert clean(odd) == shown


@pytest.mark.parametrize("text", ["x" * 500, "ä" * 500, "👍" * 500, '"' * 500, "\\" * 500, 'a"ä👍\\' * 100])
@pytest.mark.parametrize("limit", [3, 4, 50, 51, 52, 53])
def test_a_cut_text_fits_and_is_its_own_beginning(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert size(short) <= limit
    assert short.endswith("…")
    assert text.startswith(short[:-1])
    assert size(short) > limit - 3 - size(text[0] if len(set(text)) == 1 else "👍"), "no room is wasted"


def test_what_fits_is_not_cut() -> None:
    assert cut("ä" * 25, 50) == "ä" * 25
    assert fit(["a", "b"], 0, 4) == ["a", "b"]


def test_lines_are_left_out_whole_and_counted() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert fit(lines, 0, 40) == ["line 0", "line 1", "line 2", "… 97 more"]
    assert fit(lines[:2], 7, 40) == ["line 0", "line 1", "… 7 more"]
    assert fit(["x" * 100], 0, 40) == ["… 1 more"]
    assert fit(["x" * 100], 0, 5) == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 minutes"),
        (59, "0 minutes"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (5400, "1 hour and 30 minutes"),
        (86_399.9, "23 hours and 59 minutes"),
        (86_400, "1 day"),
        (90_000, "1 day and 1 hour"),
        (40 * 86_400, "40 days"),
    ],
)
def test_durations_are_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_times_are_told_with_their_zone() -> None:
    assert utc(0) == "1970-01-01 00:00 UTC"
