"""What expressions ask for, found in their text: selectors of series, and the windows that they look at."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_WINDOW = re.compile(r"\[(\d+)([smhd])\]")
# A name, its matchers, and the parenthesis behind it that makes it a function's.
_NAME = re.compile(r'(?<![\w:.])([a-zA-Z_:][\w:]*)((?:\{(?:"(?:\\.|[^"\\])*"|[^"}])*\})?)(\s*\()?')
_WORDS = {"and", "or", "unless", "bool", "offset"}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def selectors(expr: str) -> set[str]:
    """Return the selectors of an expression, without windows and offsets."""
    found = _NAME.findall(_GROUPING.sub(" ", _WINDOW.sub("", expr)))
    return {name + matchers for name, matchers, call in found if not call and name not in _WORDS}


def windows_s(expr: str) -> Iterator[int]:
    """Yield the seconds that each window of an expression looks back."""
    for count, unit in _WINDOW.findall(expr):
        yield int(count) * _UNITS_S[unit]
