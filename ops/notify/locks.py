"""Locks of notifications: held by one process at a time, and gone with it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.05


@contextmanager
def locked(path: Path, *, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold a lock, and give whether it could be had.

    Args:
        path: The lock's file; its folder is created.
        wait_s: How long to wait for who holds it.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    give_up = time.monotonic() + wait_s
    with path.open("a") as file:
        while not (held := _try(file.fileno())) and time.monotonic() < give_up:
            time.sleep(_POLL_S)
        yield held


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
