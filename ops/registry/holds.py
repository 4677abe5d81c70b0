"""For how long tasks have held writes: a line for each time, from which is told what that cost and what the next one will."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.config import HELD_AT_MOST_S
from ops.core.files import write_atomic
from ops.core.json_lines import append_line

_TRIM_BYTES = 1024 * 1024
_KEPT_LINES = 4000
# So many of the last times tell how quick this host is now.
_LATELY = 200


@dataclass(frozen=True)
class Hold:
    """One time that writes were held.

    Attributes:
        by: The task.
        began: When, in seconds since 1970.
        seconds: For how long.
        files: How many files were removed or put back meanwhile; 0 if that is unknown.
    """

    by: str
    began: float
    seconds: float
    files: int = 0

    @property
    def refused_s(self) -> float:
        """For how many of these seconds new writes would have been refused in the end; the others only waited."""
        return refused_s(self.seconds)


class Holds:
    """The times that writes were held on a host, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, hold: Hold) -> None:
        """Add the last one.

        Raises:
            OSError: It cannot be written.
        """
        if append_line(self._path, asdict(hold), durable=False) > _TRIM_BYTES:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            write_atomic(self._path, "".join(lines[-_KEPT_LINES:]), mode=0o640)

    def all(self, since: float = 0.0) -> list[Hold]:
        """Return those that ended after a time. Lines that were cut short are skipped.

        Raises:
            OSError: They cannot be read.
        """
        found = list[Hold]()
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return found
        for line in text.splitlines():
            try:
                known = json.loads(line)
                hold = Hold(str(known["by"]), float(known["began"]), float(known["seconds"]), int(known["files"]))
            except (ValueError, LookupError, TypeError):
                continue
            if hold.began + hold.seconds > since:
                found.append(hold)
        return found


def refused_s(held_s: float) -> float:
    """Return for how long writes are refused that come while writes are held: each waits for a while before it is."""
    return max(0.0, held_s - HELD_AT_MOST_S)


def expected_s(holds: Sequence[Hold], by: str, files: int, *, sliced: bool) -> float | None:
    """Return for how many seconds a task will probably make writes be refused; None if no time before tells.

    Args:
        holds: What was held before.
        by: The task.
        files: How many files it will remove or put back.
        sliced: Whether it lets writes through now and then, as it did before, or holds them until it is done.
    """
    known = [hold for hold in holds if hold.by == by and hold.files][-_LATELY:]
    changed = sum(hold.files for hold in known)
    if not changed:
        return None
    if sliced:
        return sum(hold.refused_s for hold in known) / changed * files
    return refused_s(sum(hold.seconds for hold in known) / changed * files)
