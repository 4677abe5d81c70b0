"""The gate: a file whose presence makes the edge refuse writes, until a time that it says itself, while pulls go on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.process import birth_of

# For requests that the edge let through just before, and that the registry does not count yet.
_TRANSIT_S = 0.1
_LOOK_S = 0.005
_DIGITS = 10
_WRITING = ("blob_upload", "blob_upload_chunk", "manifest")
_IN_FLIGHT = "registry_http_in_flight_requests{"


class GateError(Exception):
    """Writes cannot be refused now, or are refused no longer; the message says why, and what to do."""

    exit_code = exit_codes.BUSY


@dataclass(frozen=True)
class Holder:
    """Who holds the gate up.

    Attributes:
        by: The task.
        reason: What for.
        pid: Its process.
        started: When that process started, as the kernel counts: a number may come again.
    """

    by: str
    reason: str
    pid: int
    started: str

    def lives(self) -> bool:
        """Return whether the process still runs."""
        return birth_of(self.pid) == self.started


@dataclass
class Gate:
    """The gate, as one process moves it.

    The file begins with the last second (Unix time, ten digits) in which the edge heeds it, so that it opens by itself when the
    task has died. An empty file is somebody's own, which no task touches.

    Attributes:
        file: Its path.
        limit_s: For how long it holds after it was raised or kept up last.
    """

    file: Path
    limit_s: float = 120.0
    _until: float = 0.0
    _holder: Holder | None = None

    def raise_(self, by: str, reason: str) -> None:
        """Refuse writes from now on.

        Raises:
            GateError: It is up already, and its holder lives or is not known.
            OSError: The folder cannot be written.
        """
        if self.file.exists():
            self._take_over()
        self._holder = Holder(by, reason, os.getpid(), birth_of(os.getpid()))
        self._write()

    def keep_up(self) -> None:
        """Hold it up for longer, when a good part of its time is over.

        Raises:
            GateError: Its time was over, or somebody has removed it: writes may have got through.
        """
        now = time.time()
        if now >= self._until:
            raise GateError(f"the gate opened by itself after {self.limit_s:g} s: a step took longer, or the clock was set")
        if self._until - now < self.limit_s / 2:
            if not self.file.exists():
                raise GateError(f"somebody has removed {self.file} while it was needed")
            self._write()

    def lower(self) -> None:
        """Let writes through again."""
        self.file.unlink(missing_ok=True)
        self._holder = None

    def clear(self) -> None:
        """Let writes through again that a task refuses which has died."""
        holder = holder_of(self.file)
        if holder is not None and not holder.lives():
            self.lower()

    def _write(self) -> None:
        assert self._holder is not None  # noqa: S101  # raised before
        self._until = time.time() + self.limit_s
        write_atomic(self.file, f"{int(self._until):010d} {json.dumps(asdict(self._holder))}\n")

    def _take_over(self) -> None:
        holder = holder_of(self.file)
        if holder is None:
            raise GateError(f"{self.file} is not a task's: somebody refuses writes on purpose; remove it when that is over")
        if holder.lives():
            raise GateError(f"{holder.by} (process {holder.pid}) refuses writes: {holder.reason}; try again when it has ended")


def holder_of(file: Path) -> Holder | None:
    """Return who holds the gate up; None when nobody does, or nobody that is known."""
    try:
        known: Mapping[str, Any] = json.loads(file.read_text().partition(" ")[2])
        return Holder(str(known["by"]), str(known["reason"]), int(known["pid"]), str(known["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def is_open(file: Path) -> bool:
    """Whether writes are let in: nobody has raised the gate, or its time is over."""
    try:
        until = file.read_text()[:_DIGITS]
    except FileNotFoundError:
        return True
    return until.isdecimal() and len(until) == _DIGITS and int(until) < time.time()


def drain(writes_in_flight: Callable[[], int], limit_s: float) -> None:
    """Wait until the registry answers no write any more.

    Raises:
        GateError: Some are still on their way after the limit.
    """
    give_up = time.monotonic() + limit_s
    time.sleep(_TRANSIT_S)
    while writing := writes_in_flight():
        if time.monotonic() > give_up:
            raise GateError(f"{writing} uploads are still under way after {limit_s:g} s; try again at a quieter time")
        time.sleep(_LOOK_S)


def writes_in_flight(metrics: str) -> int:
    """Return how many requests that may write are under way, as the registry's metrics say.

    The handler of manifests does not tell reads from writes; they are short. That of blobs only reads and deletes.

    Args:
        metrics: The page of the registry's debug port, in Prometheus' text format.
    """
    lines = [line for line in metrics.splitlines() if line.startswith(_IN_FLIGHT)]
    return sum(int(float(line.split()[-1])) for line in lines if any(f'handler="{name}"' in line for name in _WRITING))
