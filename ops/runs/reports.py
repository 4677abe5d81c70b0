"""What to report about a run: that the task failed, or could not start for too long, once, and that it works again."""

from __future__ import annotations

from datetime import datetime

from ops.config.notify import Severity
from ops.core import exit_codes
from ops.notify.message import Fingerprint, report
from ops.notify.policy import AlertEvent
from ops.notify.text import utc
from ops.runs.due import Missed
from ops.runs.history import KILLED, NOT_STARTED, RUNNING, Run
from ops.runs.timers import look_at


def event_of(run: Run, stack: str, missed: Missed | None = None) -> AlertEvent | None:
    """Return what to report about a run; None while it runs, or when it is too early to say that something was in its way.

    Args:
        run: As the history has it.
        stack: What to call the registry: some people run several.
        missed: For how long its task could not do its work, if that is too long.
    """
    if run.state == NOT_STARTED:
        return _not_started(run, stack, missed) if missed and missed.tell else None
    if run.state == RUNNING or run.exit_code == exit_codes.BUSY:
        return None
    what, severity = f"{run.task} failed", Severity.ERROR
    if run.state == KILLED:
        what = f"{run.task} was killed"
    elif run.exit_code in exit_codes.SUCCESSFUL:
        what, severity = f"{run.task} has warnings", Severity.WARNING
    return AlertEvent(
        report(
            what,
            where=stack,
            since=datetime.fromisoformat(run.started).timestamp(),
            details=[run.summary],
            severity=severity,
            fingerprint=Fingerprint(run.task, "failed"),
            next_command=f"regops history --task {run.task} --last 3",
            run=run.run_id,
        ),
        ok=run.exit_code == exit_codes.OK,
    )


def _not_started(run: Run, stack: str, missed: Missed) -> AlertEvent:
    """Report that a task could not start; if it was reported before, as news of this run, since nobody sends a state twice."""
    what = f"{run.task} could not start this time either" if missed.again else f"{run.task} could not start"
    runs = "One run did not start" if missed.times == 1 else f"{missed.times} runs in a row did not start"
    last = "no run of it is known to have done its work" if missed.done is None else f"last done: {utc(missed.done)}"
    return AlertEvent(
        report(
            what,
            where=stack,
            since=run.at,
            details=[run.summary, f"{runs}; {last}"],
            severity=Severity.WARNING,
            fingerprint=Fingerprint(run.task, "failed"),
            next_command=f"regops history --task {run.task} --last 3",
            run=run.run_id,
        ),
        ok=None if missed.again else False,
    )


def silence(task: str, stack: str, since: float) -> AlertEvent:
    """Report that a task has not even been tried for too long.

    Args:
        task: Its name.
        stack: What to call the registry.
        since: When it was last tried, in seconds since 1970.
    """
    return AlertEvent(
        report(
            f"{task} has not run",
            where=stack,
            since=since,
            impact="nobody does its work",
            details=["Its timer is disabled or stopped, or an older run of it is hanging: `regops status` says which."],
            severity=Severity.WARNING,
            fingerprint=silence_of(task),
            next_command=look_at(task),
        ),
        ok=False,
    )


def silence_of(task: str) -> Fingerprint:
    """Return what is known by this name when a task has not even been tried for too long."""
    return Fingerprint(task, "silent")
