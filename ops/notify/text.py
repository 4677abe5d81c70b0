"""Text for small screens: no control characters, and cut to size at whole lines and characters."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import humanize

LINE_BYTES = 400
ELLIPSIS = "…"
# Controls, halves of surrogate pairs, private use, unassigned.
_UNSEEN = {"Cc", "Cs", "Co", "Cn"}
# Marks that change the writing direction, which can make one name look like another.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Return a text as one line without control characters; joiners within emoji and scripts stay."""
    # Each character is judged once, however often a long text has it.
    return text.translate({ord(character): _shown(character) for character in set(text)}).rstrip()


def tidy(text: str, limit: int) -> str:
    """Return a text cleaned and cut to `limit` bytes (`size`); only the start of a very long one is read."""
    start = text[: limit * 4]
    return cut(clean(start) + (ELLIPSIS if len(text) > len(start) else ""), limit)


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return "" if character in _TURNING or unicodedata.category(character) in _UNSEEN else character


def size(text: str) -> int:
    """Return how many bytes a text takes inside JSON as UTF-8; never fewer than on its own."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` bytes (`size`), with an ellipsis if it was cut."""
    if size(text) <= limit:
        return text
    room = limit - size(ELLIPSIS)
    sizes = {character: size(character) for character in set(text)}
    for position, character in enumerate(text):
        room -= sizes[character]
        if room < 0:
            return text[:position].rstrip() + ELLIPSIS
    return text


def fit(lines: Sequence[str], omitted: int, limit: int) -> list[str]:
    """Return as many of the first lines as fit into `limit` bytes, then how many more there are.

    Args:
        lines: The lines.
        omitted: How many were already left out.
        limit: In bytes (`size`), line feeds included.
    """
    sizes = itertools.accumulate(size(line) + size("\n") for line in lines)
    fitting = sum(total <= limit + size("\n") for total in sizes)
    for kept in range(fitting, -1, -1):
        missing = omitted + len(lines) - kept
        chosen = [*lines[:kept], *([f"{ELLIPSIS} {missing} more"] if missing else [])]
        if size("\n".join(chosen)) <= limit:
            return chosen
    return []


def utc(at: float) -> str:
    """Return a time, given in seconds since the epoch, as people read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a length of time for people: in minutes and hours, or in hours and days."""
    length = timedelta(seconds=max(0.0, seconds))
    unit = "hours" if length >= timedelta(days=1) else "minutes"
    return humanize.precisedelta(length, minimum_unit=unit, suppress=["months", "years"], format="%d")
