"""Checks of tasks: what their last runs say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.runs.history import ENDED, Run
from ops.runs.task import history_of
from ops.tasks.doctor.checks.tasks import tasks
from tests.ops.runs.test_task import stack_in

RUN = Run("1", "gc", (datetime.now(UTC) - timedelta(hours=3)).isoformat(timespec="seconds"), ENDED, "1:1", 1.0, 0, "freed 3 MB")


def test_before_the_first_run_nothing_is_wrong(tmp_path: Path) -> None:
    assert [check.state for check in tasks(stack_in(tmp_path))] == ["ok"]


@pytest.mark.parametrize(
    ("run", "state"),
    [
        (RUN, "ok"),
        (replace(RUN, exit_code=75), "ok"),
        (replace(RUN, exit_code=3), "warning"),
        (replace(RUN, exit_code=13), "failed"),
        (replace(RUN, state="running", process="0:0"), "failed"),
    ],
)
def test_the_last_run_counts(tmp_path: Path, run: Run, state: str) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(replace(RUN, run_id="0", exit_code=1))
    history_of(stack).add(run)
    (check,) = tasks(stack)
    assert check.state == state
    assert "3 hours ago" in check.detail
    assert bool(check.remedy) is (state != "ok")
