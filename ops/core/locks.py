"""Locks between tasks: the kernel's, so that a task that is killed leaves none behind; the file says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ops.core import exit_codes

_PAUSE_S = 0.5


class LockedError(Exception):
    """Somebody else holds the lock; the message says who, since when, and what to do."""

    exit_code = exit_codes.BUSY


@contextlib.contextmanager
def lock(path: Path, task: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock while inside.

    Args:
        path: The lock's file; it stays, empty or not, when nobody holds it.
        task: Who wants it, for others to read.
        patience: Seconds to wait for it.

    Raises:
        LockedError: Somebody else has it for longer than that.
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        give_up = time.monotonic() + patience
        while not _taken(handle):
            if time.monotonic() >= give_up:
                raise LockedError(_held(path))
            time.sleep(_PAUSE_S)
        holder = {"task": task, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        try:
            yield
        finally:
            os.truncate(handle, 0)
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return (
            f"`regops {holder['task']}` (process {holder['pid']}) is at work since {holder['since']}; wait for it, or give --wait"
        )
    except (OSError, ValueError, LookupError, TypeError):  # it has only just taken it
        return f"another task holds {path}; wait for it, or give --wait"
