"""Checks of tasks: how the last run of each ended."""

from __future__ import annotations

from datetime import UTC, datetime

import humanize

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.runs.history import KILLED, RUNNING, Run
from ops.runs.task import history_of
from ops.stack.stack import Stack

_FINE = (exit_codes.OK, exit_codes.BUSY)
# What runs a task again. What was to be restored is not in the history, so that has none.
COMMANDS = {
    "changes": "changes",
    "doctor": "doctor",
    "gc": "gc",
    "gc-plan": "gc --dry-run",
    "gc-recover": "gc --recover",
    "notify": "notify",
    "snapshot": "snapshot create",
}


def tasks(stack: Stack) -> list[Check]:
    """Return a check for the last run of each task."""
    last: dict[str, Run] = {run.task: run for run in history_of(stack).runs()}
    return [_task(run) for _, run in sorted(last.items())] or [Check("tasks", OK, "none has run yet")]


def _task(run: Run) -> Check:
    ago = humanize.naturaltime(datetime.now(UTC) - datetime.fromisoformat(run.started))
    detail = f"{run.state}, started {ago}" + (f": {run.summary}" if run.summary else "")
    if run.state == KILLED:
        return Check(run.task, FAILED, detail, _remedy(run.task, "runs it again"))
    if run.state == RUNNING or run.exit_code in _FINE:
        return Check(run.task, OK, detail)
    state = WARNING if run.exit_code == exit_codes.WARNINGS else FAILED
    return Check(run.task, state, detail, _remedy(run.task, "runs it again and shows more"))


def _remedy(task: str, what_for: str) -> str:
    if command := COMMANDS.get(task):
        return f"`regops {command}` {what_for}"
    return f"`regops history --task {task}` shows more"
