"""Durations as Go writes and reads them; the Docker API has them in nanoseconds."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> int:
    """Return nanoseconds.

    Raises:
        ValueError: Not a duration, or a negative one.
    """
    if text == "0":
        return 0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"'{text}' is not a valid duration")
    return int(sum(Fraction(number) * _UNITS[unit] for number, unit in parts))


def duration_rule(text: str) -> str:
    """Rule for a schema: a duration that is not negative."""
    try:
        parse_duration(text)
    except ValueError as error:
        return str(error)
    return ""


def format_duration(nanoseconds: int) -> str:
    """Return it as Go prints it, `1m0s` for a minute: another spelling in a program is a difference at every run."""
    if nanoseconds == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if nanoseconds < _UNITS[unit] * 1000:
            return f"{_number(Fraction(nanoseconds, _UNITS[unit]))}{unit}"
    minutes, rest = divmod(nanoseconds, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_number(Fraction(rest, _UNITS['s']))}s"
    return (f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else "") + seconds


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.9f}".rstrip("0")
