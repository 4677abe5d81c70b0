"""What to report about a run: that the task failed, once, and that it works again."""

from __future__ import annotations

from datetime import datetime

from ops.config.notify import Severity
from ops.core import exit_codes
from ops.notify.message import Fingerprint, report
from ops.notify.policy import AlertEvent
from ops.runs.history import KILLED, RUNNING, Run


def event_of(run: Run, stack: str) -> AlertEvent | None:
    """Return what to report about a run; None while it runs, or when another run had the lock.

    Args:
        run: As the history has it.
        stack: What to call the registry: some people run several.
    """
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
