"""The history of runs: one line of JSON when a run starts and another when it ends, so that killed runs show too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.json_lines import append_line
from ops.core.locks import LockedError, lock
from ops.core.process import birth_of
from ops.stack.stack import Stack

SCHEMA = 1
RUNNING, ENDED, KILLED = "running", "ended", "killed"
# Something else was in the way, so that the task's work was not done.
NOT_STARTED = "did not start"
_KEPT_LINES = 4000
# Tasks that had another name when old lines were written.
_FORMER_NAMES = {"undo": "restore"}
_TRIM_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        run_id: Its id; ids sort by time.
        task: What ran.
        started: When, in UTC as ISO 8601.
        state: `running`, `ended`, `killed` or `did not start`.
        process: Its process id and start time in kernel ticks, since process ids are reused.
        seconds: How long it took.
        exit_code: See docs/schedule.md.
        summary: What it did, in one line.
        figures: What it measured.
        by: Who asked for it in the console; empty if nobody did.
    """

    run_id: str
    task: str
    started: str
    state: str = RUNNING
    process: str = ""
    seconds: float | None = None
    exit_code: int | None = None
    summary: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""

    @property
    def at(self) -> float:
        """When it started, in seconds since 1970."""
        return datetime.fromisoformat(self.started).timestamp()

    @property
    def went_well(self) -> bool:
        """Whether its work was done, with or without warnings, by itself or by the run that kept it from starting."""
        return self.state == ENDED and self.exit_code in (*exit_codes.SUCCESSFUL, exit_codes.BUSY)


class History:
    """The runs of one stack, oldest first."""

    def __init__(self, path: Path, *, sees_processes: bool = True) -> None:
        """Take a history.

        Args:
            path: Its file.
            sees_processes: Whether the processes of the runs show here; if not, a run without an end counts as running.
        """
        self._path, self._sees_processes = path, sees_processes

    def add(self, run: Run) -> None:
        """Append what is known about a run now.

        Raises:
            OSError: It cannot be written.
        """
        if append_line(self._path, {"schema": SCHEMA, **asdict(run)}) > _TRIM_BYTES:
            self._trim()

    def runs(self) -> list[Run]:
        """Return all runs. Unreadable lines are skipped: they were cut short, or come from a newer version."""
        found: dict[str, Run] = {}
        for run in self._lines():
            found[run.run_id] = run
        return [_now(run) for run in found.values()] if self._sees_processes else list(found.values())

    def last(self, task: str) -> Run | None:
        """Return the last run of a task."""
        return next((run for run in reversed(self.runs()) if run.task == task), None)

    def last_success(self, task: str) -> Run | None:
        """Return the last successful run of a task."""
        return next((run for run in reversed(self.runs()) if (run.task, run.state, run.exit_code) == (task, ENDED, 0)), None)

    def _lines(self) -> Iterator[Run]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                values = json.loads(line)
                if values.pop("schema") == SCHEMA:
                    run = Run(**values)
                    yield replace(run, task=_FORMER_NAMES.get(run.task, run.task))
            except (ValueError, TypeError, LookupError, AttributeError):
                continue

    def _trim(self) -> None:
        """Drop the oldest lines, unless another run is doing it already."""
        try:
            with lock(self._path.with_suffix(".lock"), "history"):
                lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
                write_atomic(self._path, "".join(lines[-_KEPT_LINES:]), mode=0o640)
        except LockedError:
            return


def history_of(stack: Stack) -> History:
    """Return the history of a stack."""
    return History(stack.data / "history.jsonl", sees_processes=not stack.from_container)


def process_mark(pid: int) -> str:
    """Return an id of a process that is unique since the machine started."""
    return f"{pid}:{birth_of(pid)}"


def _now(run: Run) -> Run:
    """Return a run as it is now: one without an end was killed, unless its process is still alive."""
    if run.state != RUNNING or _lives(run.process):
        return run
    return replace(run, state=KILLED, summary="killed, or the machine went down")


def _lives(mark: str) -> bool:
    pid, _, birth = mark.partition(":")
    return bool(birth) and birth_of(int(pid)) == birth
