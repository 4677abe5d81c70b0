"""Where the file is that turns on read-only mode, and what it says: `regops` writes it, edge and gateway look at it."""

from __future__ import annotations

import math
from pathlib import Path

from ops.core.answers import shown

# Below the stack's folder. "gate" is an old name for read-only mode, kept because running edges have this folder mounted.
READ_ONLY_FOLDER = "gate"
READ_ONLY_FILE = "read-only"
# Where edge and gateway have that folder.
READ_ONLY_MOUNT = "/run/gate"
_DIGITS = 10
# How every refusal begins of a write while a person has turned it on.
READ_ONLY_BY_HAND = "this registry is read-only"
_REASON_BYTES = 200
# How many seconds a write waits until it is refused: longer than any slice of a sweep, shorter than clients wait for an answer.
HELD_AT_MOST_S = 20.0


def read_only_until(file: Path) -> float:
    """Return when read-only mode ends, as Unix time: 0 if it is off, infinity if it lasts until somebody removes the file.

    The file of a task begins with its expiry, ten digits. One that begins with something else was put there by a person.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        with file.open("rb") as opened:
            begin = opened.read(_DIGITS)
    except FileNotFoundError:
        return 0
    return int(begin) if len(begin) == _DIGITS and begin.isdigit() else math.inf


def read_only_reason(file: Path) -> str:
    """Return what a person has written into the file that turns on read-only mode: the reason, for all; empty if nothing."""
    try:
        with file.open("rb") as opened:
            begin = opened.read(_REASON_BYTES)
    except OSError:
        return ""
    return shown(" ".join(begin.decode(errors="replace").split()))
