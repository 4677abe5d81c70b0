"""When each scheduled task was last tried, and last done: also of those whose successes are not in the history."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.core.files import write_atomic
from ops.stack.stack import Stack

SCHEMA = 1


@dataclass(frozen=True)
class Mark:
    """What is known about a task. Times are in seconds since 1970.

    Attributes:
        tried: When it was last tried, or has been expected since.
        done: When a run that did its work started last; None if none has.
        well: Whether the last run did its work.
    """

    tried: float
    done: float | None = None
    well: bool = False


class Marks:
    """The marks of one stack's tasks, a small file each, so that tasks that end at once do not wait for each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, task: str) -> Mark | None:
        """Return what is known about a task; None if nothing is, or if its file cannot be read."""
        try:
            known = json.loads(self._file(task).read_text())
            done = known["done"]
            return Mark(float(known["tried"]), None if done is None else float(done), bool(known["well"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def tried(self, task: str, at: float, *, well: bool) -> None:
        """Note a run that has ended.

        Args:
            task: What ran.
            at: When it started, in seconds since 1970.
            well: Whether its work was done.

        Raises:
            OSError: It cannot be written.
        """
        before = self.get(task)
        done = before.done if before else None
        self._write(task, Mark(at, at if well else done, well))

    def expect(self, task: str, now: float) -> None:
        """Note that a task is expected from now on, unless it is known. Times in the future become now: the clock was ahead.

        Raises:
            OSError: It cannot be written.
        """
        known = self.get(task) or Mark(now)
        if known.tried > now or (known.done or 0.0) > now or not self._file(task).exists():
            self._write(task, Mark(min(known.tried, now), known.done and min(known.done, now), known.well))

    def _file(self, task: str) -> Path:
        return self._folder / f"{task}.json"

    def _write(self, task: str, mark: Mark) -> None:
        write_atomic(self._file(task), json.dumps({"schema": SCHEMA, **asdict(mark)}) + "\n", mode=0o640)


def marks_of(stack: Stack) -> Marks:
    """Return the marks of a stack's tasks."""
    return Marks(stack.data / "tasks")
