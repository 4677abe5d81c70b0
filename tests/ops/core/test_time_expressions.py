"""Times as people write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ops.core.time_expressions import duration, moment

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-23T11:30:00+00:00"),
        ("24h", "2026-11-22T11:30:00+00:00"),
        ("90m", "2026-11-23T10:00:00+00:00"),
        ("7d", "2026-11-16T11:30:00+00:00"),
        (" 2W ", "2026-11-09T11:30:00+00:00"),
        ("today", "2026-11-22T23:00:00+00:00"),
        ("Yesterday", "2026-11-21T23:00:00+00:00"),
        ("2026-03-01", "2026-02-28T23:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-03-01T14:30", "2026-03-01T13:30:00+00:00"),
        ("2026-03-01 14:30:15Z", "2026-03-01T14:30:15+00:00"),
        ("2026-03-01T14:30+05:00", "2026-03-01T09:30:00+00:00"),
    ],
)
def test_a_time_is_understood(text: str, expected: str) -> None:
    assert moment(text, NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "7", "7y", "-7d", "2026-13-01", "99999w", "01.03.2026"])
def test_what_is_not_a_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time; write a date \(2026-03-01"):
        moment(text, NOW)


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), (" 3D ", 259_200), ("1w", 604_800)])
def test_a_duration_is_understood(text: str, seconds: int) -> None:
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "3", "d", "3 days", "yesterday", "-1d"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number with m, h, d or w, such as 24h or 3d"):
        duration(text)
