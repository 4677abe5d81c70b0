"""Read-only mode: while a file is there, the edge holds writes and lets pulls through; the file says when it expires."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ops.config import read_only_reason, read_only_until
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.process import birth_of
from ops.registry.holds import Hold

# Time for requests that the edge has just let through to show up in the registry's metrics.
_TRANSIT_S = 0.1
# On a busy machine: how many answers of the registry's metrics more, and how many seconds at most.
_ANSWERS, _TRANSIT_MOST_S = 3, 0.4
_LOOK_S = 0.005
_SHORT, _UPLOAD = ("blob_upload", "manifest"), "blob_upload_chunk"
# How long uploads have to end while read-only mode is on.
_UPLOADS_S = 0.3
_IN_FLIGHT = "registry_http_in_flight_requests{"


def _forget(_: Hold) -> None:
    """Note nothing."""


class ReadOnlyModeError(Exception):
    """Read-only mode cannot be turned on, or has ended too early; the message says why and what to do."""

    exit_code = exit_codes.BUSY


class ReadOnlyModeBusyError(ReadOnlyModeError):
    """Read-only mode cannot be turned on now: somebody else has, or writes in flight do not finish."""


@dataclass(frozen=True)
class Holder:
    """Who has turned read-only mode on.

    Attributes:
        by: The task.
        reason: Why.
        pid: Its process.
        started: When that process started, as the kernel counts: process IDs are reused.
        since: When it turned it on, in seconds since 1970; 0 if it is of a version that did not say.
    """

    by: str
    reason: str
    pid: int
    started: str
    since: float = 0.0

    def lives(self) -> bool:
        """Return whether the process is still running."""
        return birth_of(self.pid) == self.started


@dataclass
class ReadOnlyMode:
    """Read-only mode, as one process turns it on and off.

    The file begins with its expiry (Unix time, ten digits). The edge ignores it after that second, so that writes work again
    even if the task has died. A file that begins otherwise, or is empty, was put there by a person: it never
    expires, no task touches it, and writes are refused instead of held, for the reason that it gives.

    Attributes:
        file: Its path.
        limit_s: How long it lasts after it was turned on or extended.
        note: Called with each time that writes were held, when it is over; what it cannot write is lost.
        changed: How many files were removed or put back since it was turned on, as far as tasks count them.
    """

    file: Path
    limit_s: float = 120.0
    note: Callable[[Hold], None] = _forget
    changed: int = 0
    _until: float = 0.0
    _holder: Holder | None = None

    def turn_on(self, by: str, reason: str) -> None:
        """Hold writes at the edge from now on.

        Raises:
            ReadOnlyModeBusyError: It is on already, and whoever turned it on is still running or unknown.
            OSError: The folder is not writable.
        """
        if self.file.exists():
            self._take_over()
        self._holder = Holder(by, reason, os.getpid(), birth_of(os.getpid()), since=time.time())
        self.changed = 0
        self._write()

    def extend(self) -> None:
        """Extend it, once half of its time has passed.

        Raises:
            ReadOnlyModeError: It has expired, or somebody has removed the file: writes may have got through.
        """
        now = time.time()
        if now >= self._until:
            raise ReadOnlyModeError(
                f"read-only mode expired after {self.limit_s:g} s: a step took longer, or the clock was changed"
            )
        if self._until - now < self.limit_s / 2:
            if not self.file.exists():
                raise ReadOnlyModeError(f"somebody removed {self.file} while it was still needed")
            self._write()

    def turn_off(self) -> None:
        """Let writes through again."""
        self.file.unlink(missing_ok=True)
        if self._holder:
            self._note(self._holder, min(time.time(), self._until), self.changed)
        self._holder = None

    def turn_off_if_orphaned(self) -> None:
        """Turn it off if the task that turned it on has died."""
        holder = holder_of(self.file)
        if holder is not None and not holder.lives():
            self._note_orphan(holder)
            self.turn_off()

    def _write(self) -> None:
        assert self._holder is not None  # noqa: S101  # turned on before
        self._until = time.time() + self.limit_s
        write_atomic(self.file, f"{int(self._until):010d} {json.dumps(asdict(self._holder))}\n")

    def _note_orphan(self, holder: Holder) -> None:
        """Note for how long a task that has died held writes: until its file expired, or until now."""
        self._note(holder, min(time.time(), read_only_until(self.file)))

    def _note(self, holder: Holder, ended: float, files: int = 0) -> None:
        if 0 < holder.since <= ended:
            with contextlib.suppress(OSError):
                self.note(Hold(holder.by, holder.since, ended - holder.since, files))

    def _take_over(self) -> None:
        holder = holder_of(self.file)
        if holder is None:
            raise ReadOnlyModeBusyError(f"somebody turned on read-only mode by hand; remove {self.file} to end it")
        if not holder.lives():
            self._note_orphan(holder)
        else:
            raise ReadOnlyModeBusyError(
                f"{holder.by} (process {holder.pid}) has turned on read-only mode: {holder.reason}; try again later"
            )


def holder_of(file: Path) -> Holder | None:
    """Return who has turned on read-only mode; None if nobody has, or if the file does not say who."""
    try:
        known: Mapping[str, Any] = json.loads(file.read_text().partition(" ")[2])
        return Holder(
            str(known["by"]), str(known["reason"]), int(known["pid"]), str(known["started"]), float(known.get("since", 0))
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def by_hand(file: Path) -> str:
    """Return how it is told that a person has turned it on, with the reason if there is one."""
    reason = read_only_reason(file)
    return f"somebody turned it on by hand{f': {reason}' if reason else ''}"


def accepts_writes(file: Path) -> bool:
    """Whether writes are accepted: read-only mode is off, or has expired."""
    return read_only_until(file) < time.time()


class WritesInFlight(NamedTuple):
    """Requests in flight that may be writes, according to the registry's metrics.

    Attributes:
        short: To handlers of manifests and of new uploads: each ends within moments. Reads of manifests are counted too.
        uploads: Parts of blobs that are being sent, which may take hours. Only their end touches anything but the upload.
    """

    short: int = 0
    uploads: int = 0


def drain(in_flight: Callable[[], WritesInFlight], limit_s: float) -> None:
    """Wait until the registry has no short writes in flight, and a moment for uploads to end.

    An upload that goes on is not waited for, since it may never end: the registry looks for its blob when all of it is there.

    Raises:
        ReadOnlyModeBusyError: Some short ones are still in flight after the limit.
    """
    start = time.monotonic()
    time.sleep(_TRANSIT_S)
    while True:
        asked = time.monotonic()
        writing = in_flight()
        answer_s, waited = time.monotonic() - asked, time.monotonic() - start
        if not writing.short and (not writing.uploads or waited > _UPLOADS_S):
            # Where answers take long because the machine is busy, so does what the edge writes to its access log.
            time.sleep(min(_ANSWERS * answer_s, _TRANSIT_MOST_S))
            return
        if waited > limit_s:
            raise ReadOnlyModeBusyError(f"{writing.short} writes are still in progress after {limit_s:g} s; try again later")
        time.sleep(_LOOK_S)


def writes_in_flight(metrics: str) -> WritesInFlight:
    """Return which requests in flight may be writes. The blob handler only reads and deletes.

    Args:
        metrics: The page of the registry's debug port, in Prometheus text format.
    """
    lines = [line for line in metrics.splitlines() if line.startswith(_IN_FLIGHT)]

    def count(*handlers: str) -> int:
        return sum(int(float(line.split()[-1])) for line in lines if any(f'handler="{name}"' in line for name in handlers))

    return WritesInFlight(count(*_SHORT), count(_UPLOAD))
