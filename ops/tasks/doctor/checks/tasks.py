"""Checks of tasks: how the last run of each ended, which could not start for too long, and which nobody starts any more."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import humanize

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.runs.due import BY_HAND, COMMANDS, missed, silent_since
from ops.runs.history import ENDED, KILLED, NOT_STARTED, RUNNING, Run, history_of
from ops.runs.marks import Mark, marks_of
from ops.runs.timers import look_at, timers, up_s
from ops.stack.stack import Stack

_GC = "gc"
# They delete, so nobody should start another one before looking.
_LOOK_FIRST = {
    name: f"`regops {COMMANDS[name]} --dry-run` shows what the next one would do; then `regops {COMMANDS[name]}` runs it"
    for name in (_GC, "prune", "retention")
}
# For how long a run of what only people start is told, if it was killed.
_REMEMBERED_S = 86_400.0


def tasks(stack: Stack) -> list[Check]:
    """Return a check for each task that has run or should have."""
    runs = dict[str, list[Run]]()
    for run in history_of(stack).runs():
        runs.setdefault(run.task, []).append(run)
    marks, started_by_host = marks_of(stack), timers(stack)
    known_s = expected_since(stack)
    found = [
        _task(name, runs.get(name, []), marks.get(name), enabled=started_by_host.get(name), known_s=known_s)
        for name in sorted({*runs, *started_by_host} - BY_HAND)
    ]
    by_hand = [_killed(runs[name][-1]) for name in sorted(runs.keys() & BY_HAND)]
    checks = [_mended(check, runs) for check in [*found, *by_hand] if check]
    return checks or [Check("tasks", OK, "none has run yet")]


def _mended(check: Check, runs: Mapping[str, Sequence[Run]]) -> Check:
    """Return what is left to say of a garbage collection after which somebody has put back what it had deleted."""
    if check.name != _GC or check.state != FAILED:
        return check
    last, done = runs[_GC][-1], "rolled back" if runs[_GC][-1].state == KILLED else "restored"
    after = [run for name in ("gc-recover", "restore") for run in runs.get(name, []) if run.went_well and run.at >= last.at]
    mends = last.state == KILLED or last.exit_code == exit_codes.MISMATCH
    return (
        replace(check, state=WARNING, detail=f"{check.detail}; {done} since", remedy=_LOOK_FIRST[_GC])
        if mends and after
        else check
    )


def _killed(run: Run) -> Check | None:
    """Return a check of something that only people start: whoever did knows how it ended, unless it was killed."""
    if run.state != KILLED or time.time() - run.at > _REMEMBERED_S:
        return None
    detail = f"{run.state}, started {_ago(run.at)}: {run.summary}"
    return Check(run.task, WARNING, detail, "run it once more, with the same words: that completes it")


def expected_since(stack: Stack) -> float:
    """Return since when there has been a current release, in seconds since 1970."""
    try:
        return stack.current.lstat().st_mtime
    except OSError:
        return time.time()


def _task(name: str, runs: Sequence[Run], mark: Mark | None, *, enabled: bool | None, known_s: float) -> Check | None:
    if enabled is False:
        remedy = f"`systemctl enable --now regops-{name}.timer` starts it again"
        return Check(name, WARNING, "its timer is disabled, so nothing runs it", remedy)
    if enabled:
        silent = silent_since(name, runs, mark, now=time.time(), up_s=up_s(), known_s=known_s)
        if silent is not None:
            remedy = f"`{look_at(name)}` shows whether something is stopped or hanging"
            return Check(name, WARNING, f"nothing has run it for {_ago(silent).removesuffix(' ago')}", remedy)
    if mark is not None and mark.well and (not runs or not _says_more(runs[-1], mark)):
        return Check(name, OK, f"{ENDED}, started {_ago(mark.tried)}")
    return _last(name, runs, mark) if runs else None


def _says_more(run: Run, mark: Mark) -> bool:
    """Whether the last run in the history is the last of all: not every success is there."""
    return run.state in (RUNNING, KILLED) or run.at >= mark.tried


def _last(name: str, runs: Sequence[Run], mark: Mark | None) -> Check:
    run = runs[-1]
    detail = f"{run.state}, started {_ago(run.at)}" + (f": {run.summary}" if run.summary else "")
    if run.state == KILLED:
        back = "`regops gc --recover` puts back what it had deleted" if name == _GC else _LOOK_FIRST.get(name)
        return Check(name, FAILED, detail, back or _remedy(name, "runs it again"))
    if run.state == NOT_STARTED:
        return _not_started(name, runs, mark)
    if run.state == RUNNING or (run.went_well and run.exit_code != exit_codes.WARNINGS):
        return Check(name, OK, detail)
    state = WARNING if run.exit_code == exit_codes.WARNINGS else FAILED
    return Check(name, state, detail, _again(run))


def _again(run: Run) -> str:
    """Return what mends what a run ended with; another collection might delete more of what should have stayed."""
    if run.task == _GC and run.exit_code == exit_codes.MISMATCH:
        return "`regops undo` restores what it deleted"
    if run.task == _GC and run.exit_code == exit_codes.NO_SPACE:
        return "`regops gc --no-undo` needs no room, and frees some"
    return _LOOK_FIRST.get(run.task) or _remedy(run.task, "runs it again and shows more")


def _not_started(name: str, runs: Sequence[Run], mark: Mark | None) -> Check:
    run = runs[-1]
    too_long = missed(name, runs, mark)
    if too_long is None:
        return Check(name, OK, f"{NOT_STARTED} {_ago(run.at)}: {run.summary}")
    last = f"; last done {_ago(too_long.done)}" if too_long.done is not None else ""
    times = f" {too_long.times} times in a row, last" if too_long.times > 1 else ""
    detail = f"{NOT_STARTED}{times} {_ago(run.at)}: {run.summary}{last}"
    return Check(name, WARNING, detail, f"end what is in its way; then {_remedy(name, 'runs it')}")


def _ago(at: float) -> str:
    """Return how long ago a time was; one in the future is now, since only the clock can have been ahead."""
    return humanize.naturaltime(timedelta(seconds=max(0.0, time.time() - at)))


def _remedy(task: str, what_for: str) -> str:
    if command := COMMANDS.get(task):
        return f"`regops {command}` {what_for}"
    return f"`regops history --task {task}` shows more"
