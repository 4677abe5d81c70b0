"""Parses times and durations as people write them: 2026-03-01, yesterday, 24h, 7d."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS_AGO = {"today": 0, "yesterday": 1}


def moment(text: str, now: datetime) -> datetime:
    """Return the time that a text stands for, in UTC.

    Args:
        text: A date, a date with a time, `now`, `today`, `yesterday`, or how long ago: a number with m, h, d or w. A day alone
            stands for its first moment.
        now: The present, in the user's time zone, which dates without a time zone get too.

    Raises:
        ValueError: It is not a time; the message says what to write.
    """
    word = text.strip().lower()
    if word == "now":
        return now.astimezone(UTC)
    try:
        if word in _DAYS_AGO:
            day = now.date() - timedelta(days=_DAYS_AGO[word])
            return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo).astimezone(UTC)
        if ago := _AGO.fullmatch(word):
            return now.astimezone(UTC) - _duration(ago)
        given = datetime.fromisoformat(text.strip())
        return (given if given.tzinfo else given.replace(tzinfo=now.tzinfo)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; write a date (2026-03-01, 2026-03-01T14:30), yesterday, or how long ago (24h, 7d, 2w)"
        ) from None


def duration(text: str) -> timedelta:
    """Return how long a text says: a number with m, h, d or w.

    Raises:
        ValueError: It says something else; the message says what to write.
    """
    found = _AGO.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write a number with m, h, d or w, such as 24h or 3d")
    return _duration(found)


def _duration(found: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
