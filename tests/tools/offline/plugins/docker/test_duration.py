"""Durations are read and printed as Go does."""

from __future__ import annotations

import pytest

from tools.offline.plugins.docker.duration import duration_rule, format_duration, parse_duration

_S = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds", "printed"),
    [
        ("0", 0, "0s"),
        ("0s", 0, "0s"),
        ("15s", 15 * _S, "15s"),
        ("1m", 60 * _S, "1m0s"),
        ("90s", 90 * _S, "1m30s"),
        ("1h", 3600 * _S, "1h0m0s"),
        ("1h2m3.5s", 3723 * _S + _S // 2, "1h2m3.5s"),
        ("1000ms", _S, "1s"),
        ("1.5s", 3 * _S // 2, "1.5s"),
        ("250ms", _S // 4, "250ms"),
        ("10us", 10_000, "10µs"),
        ("10µs", 10_000, "10µs"),
        ("7ns", 7, "7ns"),
        (".5s", _S // 2, "500ms"),
    ],
)
def test_reading_and_printing(text: str, nanoseconds: int, printed: str) -> None:
    assert parse_duration(text) == nanoseconds
    assert format_duration(nanoseconds) == printed
    assert parse_duration(printed) == nanoseconds
    assert duration_rule(text) == ""


@pytest.mark.parametrize("text", ["", "5", "s", "often", "-1s", "1 s", "1s2", "1d"])
def test_what_is_none_is_told(text: str) -> None:
    assert duration_rule(text) == f"'{text}' is not a valid duration"
