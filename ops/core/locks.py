"""Locks between processes: the kernel's, so that a killed process leaves none behind; the file says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.core import exit_codes

_PAUSE_S = 0.2


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        task: What it does.
        pid: Its process id.
        since: When it took the lock, in UTC.
    """

    task: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} (since {self.since})"


def stuck(holder: Holder | None, doing: str, seconds: float) -> str:
    """Return why nobody waits any longer for work that is done by one process at a time, and what to do about it.

    Args:
        holder: Who holds its lock, if the lock says so.
        doing: What it does, as in "has been doing".
        seconds: For how long it was waited for.
    """
    return f"{holder or 'another process'} has been {doing} for over {seconds:.0f} s; kill it if it hangs"


class LockedError(Exception):
    """Somebody else holds the lock; the message says who, since when, and what to do.

    Attributes:
        holder: Who; None when the lock's file does not say so.
    """

    exit_code = exit_codes.BUSY

    def __init__(self, message: str, holder: Holder | None = None) -> None:
        """Say who holds it."""
        super().__init__(message)
        self.holder = holder


@contextlib.contextmanager
def hold(
    path: Path,
    task: str,
    *,
    refusal: Callable[[Holder | None], Exception],
    patience: float = 0.0,
    waiting: Callable[[Holder | None], None] = lambda _: None,
) -> Iterator[None]:
    """Hold a lock while inside.

    Args:
        path: The lock's file; it stays when the lock is released.
        task: What the lock is wanted for, for others to read.
        refusal: Returns what to raise when somebody else still holds the lock after `patience`. It is given the holder, or None
            when the file does not name one, as when the lock has only just been taken.
        patience: Seconds to wait for the lock.
        waiting: Called once with the holder before the first pause.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        give_up = time.monotonic() + patience
        told = False
        while not _taken(handle):
            if time.monotonic() >= give_up:
                raise refusal(_holder(path))
            if not told:
                waiting(_holder(path))
                told = True
            time.sleep(_PAUSE_S)
        holder = Holder(task, os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))
        os.truncate(handle, 0)
        with contextlib.suppress(OSError):  # on a full disk nobody learns who holds it, but what frees the disk can run
            os.pwrite(handle, json.dumps(asdict(holder)).encode(), 0)
        try:
            yield
        finally:
            os.truncate(handle, 0)
    finally:
        os.close(handle)


@contextlib.contextmanager
def lock(path: Path, task: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock of `regops` while inside.

    Args:
        path: As of `hold`.
        task: The task that wants it, as the history names it.
        patience: As of `hold`.

    Raises:
        LockedError: Somebody else has held it for longer than that.
        OSError: The file cannot be written.
    """

    def refusal(holder: Holder | None) -> LockedError:
        if holder is None:
            return LockedError(f"another task holds {path}; wait for it, or pass --wait")
        return LockedError(
            f"{holder.task} (process {holder.pid}) has been running since {holder.since}; wait for it, or pass --wait", holder
        )

    with hold(path, task, refusal=refusal, patience=patience):
        yield


@contextlib.contextmanager
def share(path: Path) -> Iterator[Callable[[], bool]]:
    """Hold a lock together with others while inside; waits for one who has it alone.

    Yields:
        A function for the end of the block: it makes the lock exclusive, and returns False when others hold it too.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield lambda: _taken(handle)
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> Holder | None:
    try:
        found = json.loads(path.read_text())
        return Holder(str(found["task"]), int(found["pid"]), str(found["since"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
