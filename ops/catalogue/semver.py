"""Versions and ranges of them, as regsync compares them.

https://github.com/regclient/regclient/blob/v0.11.6/internal/semver/semver.go: missing numbers are 0, there may be any count of
them, and what follows the first - makes a version lower than it is without, also where it is no pre-release: 17.2-alpine < 17.2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

_MOST = 2**63 - 1  # Go's
_NUMBER = re.compile("[0-9]+")
_PART = re.compile(r"([^0-9]*)([0-9]*)(.*)", re.DOTALL)
_OPERATOR = re.compile(r"(\^|~|>=|<=|>|<|=)?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Version:
    """A version: its numbers, and what follows them after a -."""

    numbers: tuple[int, ...]
    suffix: str = ""

    def compare(self, other: Version) -> int:
        """Return a negative number, 0, or a positive one: it is lower, the same, or higher."""
        for mine, its in zip_longest(self.numbers, other.numbers, fillvalue=0):
            if mine != its:
                return mine - its
        if self.suffix and other.suffix:
            return _compare_suffixes(self.suffix, other.suffix)
        return bool(other.suffix) - bool(self.suffix)


def version(text: str) -> Version | None:
    """Return the version that a tag is; None if it is none."""
    numbers, _, suffix = text.removeprefix("v").partition("+")[0].partition("-")
    read = [_integer(part) for part in numbers.split(".")]
    known = [number for number in read if number is not None]
    return Version(tuple(known), suffix) if len(known) == len(read) else None


class Range:
    """A range of versions: `>=3.19 <4`, `^1.2`, `~1.2.3`. All its conditions hold for what is in it."""

    def __init__(self, text: str) -> None:
        """Read a range.

        Raises:
            ValueError: It is none.
        """
        self._conditions = [condition for part in text.split() for condition in _conditions(part)]
        if not self._conditions:
            raise ValueError("no range of versions")

    def __contains__(self, one: Version) -> bool:
        """Whether a version is in it."""
        return all(_holds(operator, one.compare(bound)) for operator, bound in self._conditions)


def _conditions(part: str) -> Sequence[tuple[str, Version]]:
    match = _OPERATOR.fullmatch(part)
    operator, text = (match[1] or "=", match[2]) if match else ("", "")
    bound = version(text)
    if bound is None:
        raise ValueError(f"{part!r} is no condition for versions")
    major, minor, patch = (*bound.numbers, 0, 0)[:3]
    if operator == "^":
        below = (major + 1,) if major > 0 else (0, minor + 1) if minor > 0 else (0, 0, patch + 1)
    elif operator == "~":
        below = (major, minor + 1)
    else:
        return [(operator, bound)]
    return [(">=", bound), ("<", Version(below))]


def _holds(operator: str, compared: int) -> bool:
    return {"=": compared == 0, ">": compared > 0, ">=": compared >= 0, "<": compared < 0, "<=": compared <= 0}[operator]


def _integer(text: str) -> int | None:
    digits = text.lstrip("0")
    if not _NUMBER.fullmatch(text) or len(digits) > len(str(_MOST)):
        return None
    number = int(digits or "0")
    return number if number <= _MOST else None


def _compare_suffixes(mine: str, its: str) -> int:
    """Compare part by part, and each part as words and numbers in turn; two words without numbers end it, whatever follows."""
    my_parts, its_parts = mine.split("."), its.split(".")
    if mine == its:
        return 0
    for one, other in zip(my_parts, its_parts, strict=False):
        while one and other:
            word, number, one = _split(one)  # noqa: PLW2901  # the rest of it
            other_word, other_number, other = _split(other)  # noqa: PLW2901
            if word != other_word:
                return -1 if word < other_word else 1
            value, other_value = _integer(number), _integer(other_number)
            if value is None or other_value is None:
                return (value is not None) - (other_value is not None)
            if value != other_value:
                return value - other_value
        if one or other:
            return bool(one) - bool(other)
    return len(my_parts) - len(its_parts)


def _split(part: str) -> tuple[str, str, str]:
    match = _PART.fullmatch(part)
    return (match[1], match[2], match[3]) if match else (part, "", "")
