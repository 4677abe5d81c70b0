"""Checks of the tasks that run by themselves: whether each ran when it should have, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.runs.history import KILLED, RUNNING, Run
from ops.runs.task import history_of
from ops.stack.stack import Stack

_FINE = (exit_codes.OK, exit_codes.BUSY)


def tasks(stack: Stack) -> list[Check]:
    """Return a check for the last run of each task."""
    last: dict[str, Run] = {run.task: run for run in history_of(stack).runs()}
    return [_task(run) for _, run in sorted(last.items())] or [Check("tasks", OK, "none has run yet")]


def _task(run: Run) -> Check:
    ago = _words((datetime.now(UTC) - datetime.fromisoformat(run.started)).total_seconds())
    detail = f"{run.state}, began {ago} ago" + (f": {run.summary}" if run.summary else "")
    if run.state == KILLED:
        return Check(run.task, FAILED, detail, f"run `regops {run.task}` again")
    if run.state == RUNNING or run.exit_code in _FINE:
        return Check(run.task, OK, detail)
    if run.exit_code == exit_codes.WARNINGS:
        return Check(run.task, WARNING, detail, f"`regops {run.task}` says more")
    return Check(run.task, FAILED, detail, f"`regops {run.task}` says more")


def _words(seconds: float) -> str:
    """Return a time span in its largest unit."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
