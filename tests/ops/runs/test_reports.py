"""What is told of runs: a failure, a warning, a kill; that all is well again; nothing of those who waited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.config.notify import Severity
from ops.runs.due import Missed
from ops.runs.history import ENDED, KILLED, NOT_STARTED, RUNNING, Run
from ops.runs.reports import event_of

RUN = Run("20261125T080000-1a2b", "gc", "2026-11-25T08:00:00+00:00", ENDED, "1:1", 1.0, 1, "the disk is full")


@pytest.mark.parametrize(
    ("run", "title", "severity", "ok"),
    [
        (RUN, "gc failed", Severity.ERROR, False),
        (replace(RUN, exit_code=13), "gc failed", Severity.ERROR, False),
        (replace(RUN, exit_code=3), "gc has warnings", Severity.WARNING, False),
        (replace(RUN, state=KILLED, exit_code=None), "gc was killed", Severity.ERROR, False),
        (replace(RUN, exit_code=0), "gc has warnings", Severity.WARNING, True),
    ],
)
def test_how_it_ended_is_reported(run: Run, title: str, severity: Severity, ok: bool) -> None:
    event = event_of(run, "prod")
    assert event is not None
    assert (event.message.title, event.message.severity, event.ok) == (title, severity, ok)
    assert event.message.lines[0] == "Where: prod"
    assert event.message.lines[-1] == "the disk is full"
    assert event.message.next_command == "regops history --task gc --last 3"


@pytest.mark.parametrize("run", [replace(RUN, exit_code=75), replace(RUN, state=RUNNING)])
def test_a_run_that_did_nothing_is_not_reported(run: Run) -> None:
    assert event_of(run, "prod") is None


def test_a_task_that_could_not_start_is_reported_when_it_is_time() -> None:
    run = replace(RUN, state=NOT_STARTED, exit_code=75, summary="snapshot (process 7) has been running")
    assert event_of(run, "prod") is None
    assert event_of(run, "prod", Missed(None, 3, tell=False, again=True)) is None
    event = event_of(run, "prod", Missed(0.0, 2, tell=True, again=False))
    assert event is not None
    assert (event.message.title, event.message.severity, event.ok) == ("gc could not start", Severity.WARNING, False)
    assert event.message.lines[-2:] == (
        "snapshot (process 7) has been running",
        "2 runs in a row did not start; last done: 1970-01-01 00:00 UTC",
    )
    again = event_of(run, "prod", Missed(0.0, 3, tell=True, again=True))
    assert again is not None
    assert (again.message.title, again.ok) == ("gc could not start this time either", None)
