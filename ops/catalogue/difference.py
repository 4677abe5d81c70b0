"""What an edit changes, as a unified diff."""

from __future__ import annotations

import difflib
import re
from itertools import takewhile

_CONTEXT = 3
_HEAD = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")
_NO_END = "\\ No newline at end of file"


def difference(before: str, after: str, name: str) -> list[str]:
    """Return the lines of a diff, without their ends; none if nothing changed.

    Only what lies between the first and the last changed line is compared: comparing all of a long catalogue takes seconds.
    """
    old, new = before.split("\n"), after.split("\n")
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    rest = min(len(old), len(new)) - same
    end = min(rest, len(list(takewhile(lambda pair: pair[0] == pair[1], zip(reversed(old), reversed(new), strict=False)))))
    if same == len(old) == len(new):
        return []
    start, end = max(same - _CONTEXT, 0), max(end - _CONTEXT, 0)
    parts = [lines[start : len(lines) - end] for lines in (old, new)]
    if not end:
        parts = [lines[:-1] if lines and not lines[-1] else [*lines[:-1], f"{lines[-1]}\n{_NO_END}"] for lines in parts]
    told = difflib.unified_diff(parts[0], parts[1], f"a/{name}", f"b/{name}", n=_CONTEXT, lineterm="")
    return [part for line in told for part in _moved(line, start).split("\n")]


def _moved(line: str, by: int) -> str:
    return _HEAD.sub(lambda head: f"@@ -{int(head[1]) + by}{head[2] or ''} +{int(head[3]) + by}{head[4] or ''} @@", line)
