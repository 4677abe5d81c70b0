"""Read-only mode: while a file is there, the edge holds writes and lets pulls through; the file says when it expires."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.config import read_only_until
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.process import birth_of

# Time for requests that the edge has just let through to show up in the registry's metrics.
_TRANSIT_S = 0.1
_LOOK_S = 0.005
_WRITING = ("blob_upload", "blob_upload_chunk", "manifest")
_IN_FLIGHT = "registry_http_in_flight_requests{"


class ReadOnlyModeError(Exception):
    """Read-only mode cannot be turned on, or has ended too early; the message says why and what to do."""

    exit_code = exit_codes.BUSY


@dataclass(frozen=True)
class Holder:
    """Who has turned read-only mode on.

    Attributes:
        by: The task.
        reason: Why.
        pid: Its process.
        started: When that process started, as the kernel counts: process IDs are reused.
    """

    by: str
    reason: str
    pid: int
    started: str

    def lives(self) -> bool:
        """Return whether the process is still running."""
        return birth_of(self.pid) == self.started


@dataclass
class ReadOnlyMode:
    """Read-only mode, as one process turns it on and off.

    The file begins with its expiry (Unix time, ten digits). The edge ignores it after that second, so that writes work again
    even if the task has died. An empty file was put there by a person: it never expires, no task touches it,
    and writes are refused instead of held.

    Attributes:
        file: Its path.
        limit_s: How long it lasts after it was turned on or extended.
    """

    file: Path
    limit_s: float = 120.0
    _until: float = 0.0
    _holder: Holder | None = None

    def turn_on(self, by: str, reason: str) -> None:
        """Hold writes at the edge from now on.

        Raises:
            ReadOnlyModeError: It is on already, and whoever turned it on is still running or unknown.
            OSError: The folder is not writable.
        """
        if self.file.exists():
            self._take_over()
        self._holder = Holder(by, reason, os.getpid(), birth_of(os.getpid()))
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
        self._holder = None

    def turn_off_if_orphaned(self) -> None:
        """Turn it off if the task that turned it on has died."""
        holder = holder_of(self.file)
        if holder is not None and not holder.lives():
            self.turn_off()

    def _write(self) -> None:
        assert self._holder is not None  # noqa: S101  # turned on before
        self._until = time.time() + self.limit_s
        write_atomic(self.file, f"{int(self._until):010d} {json.dumps(asdict(self._holder))}\n")

    def _take_over(self) -> None:
        holder = holder_of(self.file)
        if holder is None:
            raise ReadOnlyModeError(f"somebody turned on read-only mode by hand; remove {self.file} to end it")
        if holder.lives():
            raise ReadOnlyModeError(
                f"{holder.by} (process {holder.pid}) has turned on read-only mode: {holder.reason}; try again later"
            )


def holder_of(file: Path) -> Holder | None:
    """Return who has turned on read-only mode; None if nobody has, or if the file does not say who."""
    try:
        known: Mapping[str, Any] = json.loads(file.read_text().partition(" ")[2])
        return Holder(str(known["by"]), str(known["reason"]), int(known["pid"]), str(known["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def accepts_writes(file: Path) -> bool:
    """Whether writes are accepted: read-only mode is off, or has expired."""
    return read_only_until(file) < time.time()


def drain(writes_in_flight: Callable[[], int], limit_s: float) -> None:
    """Wait until the registry has no writes in flight.

    Raises:
        ReadOnlyModeError: Some are still in flight after the limit.
    """
    give_up = time.monotonic() + limit_s
    time.sleep(_TRANSIT_S)
    while writing := writes_in_flight():
        if time.monotonic() > give_up:
            raise ReadOnlyModeError(f"{writing} uploads are still in progress after {limit_s:g} s; try again at a quieter time")
        time.sleep(_LOOK_S)


def writes_in_flight(metrics: str) -> int:
    """Return how many requests in flight may be writes, according to the registry's metrics.

    Its manifest handler counts reads as well as writes; both are short. Its blob handler only reads and deletes.

    Args:
        metrics: The page of the registry's debug port, in Prometheus text format.
    """
    lines = [line for line in metrics.splitlines() if line.startswith(_IN_FLIGHT)]
    return sum(int(float(line.split()[-1])) for line in lines if any(f'handler="{name}"' in line for name in _WRITING))
