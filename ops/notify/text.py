"""Text for small screens: without what a screen should not get, and cut to a size at whole lines and characters."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

LINE_BYTES = 400
ELLIPSIS = "…"
# Controls, halves of surrogate pairs, private use, unassigned.
_UNSEEN = {"Cc", "Cs", "Co", "Cn"}
# Marks that turn the direction of what follows, so that a name can look like another one.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Return a text as one line without controls; what joins emoji and scripts stays."""
    shown = (" " if character.isspace() else character for character in text if character.isspace() or _visible(character))
    return "".join(shown).rstrip()


def tidy(text: str, limit: int) -> str:
    """Return a text clean, and cut to `limit` bytes (`size`); of very long ones only the beginning is looked at."""
    start = text[: limit * 4]
    return cut(clean(start) + (ELLIPSIS if len(text) > len(start) else ""), limit)


def _visible(character: str) -> bool:
    return character not in _TURNING and unicodedata.category(character) not in _UNSEEN


def size(text: str) -> int:
    """Return the bytes that a text takes within JSON as UTF-8; never fewer than it takes alone."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` bytes (`size`), with an ellipsis where something is missing."""
    if size(text) <= limit:
        return text
    room = limit - size(ELLIPSIS)
    for position, character in enumerate(text):
        room -= size(character)
        if room < 0:
            return text[:position].rstrip() + ELLIPSIS
    return text


def fit(lines: Sequence[str], omitted: int, limit: int) -> list[str]:
    """Return the first lines, as many as `limit` bytes hold, and then how many more there are.

    Args:
        lines: One text each.
        omitted: How many had been left out before.
        limit: Bytes (`size`) with line feeds.
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
    """Return a time, given in seconds since the epoch, for people."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a length of time for people: its two largest units, or minutes."""
    minutes = max(0, int(seconds // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"
