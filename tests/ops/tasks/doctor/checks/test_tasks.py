"""Checks of tasks: what their last runs say."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.runs.history import ENDED, NOT_STARTED, Run, history_of
from ops.runs.marks import marks_of
from ops.tasks.doctor.checks.tasks import tasks
from tests.ops.runs.test_task import stack_in


def a_run(**more: Any) -> Run:
    """Return a run of three hours ago."""
    started = (datetime.now(UTC) - timedelta(hours=3, minutes=5)).isoformat(timespec="seconds")
    return replace(Run("1", "gc", started, ENDED, "1:1", 1.0, 0, "freed 3 MB"), **more)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What this host starts by itself, and whether its timer is enabled; it has been running for long."""
    started = dict[str, bool]()
    monkeypatch.setattr("ops.tasks.doctor.checks.tasks.timers", lambda _: started)
    monkeypatch.setattr("ops.tasks.doctor.checks.tasks.up_s", lambda: 90 * 86_400.0)
    return started


def test_a_task_whose_timer_is_disabled_is_told(tmp_path: Path, host: dict[str, bool]) -> None:
    host["gc"] = False
    stack = stack_in(tmp_path)
    history_of(stack).add(a_run())
    (check,) = tasks(stack)
    assert (check.state, check.detail) == ("warning", "its timer is disabled, so nothing runs it")
    assert "`systemctl enable --now regops-gc.timer`" in check.remedy


def test_a_task_that_nobody_has_started_for_long_is_told(tmp_path: Path, host: dict[str, bool]) -> None:
    host |= {"gc": True, "doctor": True}
    stack = stack_in(tmp_path)
    (stack.root / "releases").mkdir()
    (stack.root / "current").rename(stack.root / "releases/1")
    (stack.root / "current").symlink_to("releases/1")
    assert [check.detail for check in tasks(stack)] == ["none has run yet"], "it is new"
    long_ago = (datetime.now(UTC) - timedelta(days=12)).timestamp()
    os.utime(stack.root / "current", (long_ago, long_ago), follow_symlinks=False)
    marks_of(stack).tried("doctor", datetime.now(UTC).timestamp(), well=True)
    doctor, gc = tasks(stack)
    assert (doctor.name, doctor.state, doctor.detail) == ("doctor", "ok", "ended, started now")
    assert (gc.name, gc.state, gc.detail) == ("gc", "warning", "nothing has run it for 12 days")


def test_one_run_that_something_was_in_the_way_of_is_said_but_no_problem(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(a_run(state=NOT_STARTED, exit_code=75, summary="snapshot (process 7) has been running"))
    (check,) = tasks(stack)
    assert (check.state, check.remedy) == ("ok", "")
    assert check.detail == "did not start 3 hours ago: snapshot (process 7) has been running"


def test_a_run_of_a_clock_that_was_ahead_was_not_in_the_future(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat(timespec="seconds")
    history_of(stack).add(a_run(started=ahead))
    (check,) = tasks(stack)
    assert check.detail == "ended, started now: freed 3 MB"


@pytest.mark.parametrize(
    ("code", "state", "remedy"),
    [
        (None, "killed", "`regops gc --recover`"),
        (12, ENDED, "`regops undo`"),
        (14, ENDED, "`regops gc --no-undo`"),
        (1, ENDED, "`regops gc --dry-run`"),
        (3, ENDED, "`regops gc --dry-run`"),
    ],
)
def test_a_collection_that_ended_badly_is_looked_at_before_another_one(
    tmp_path: Path, code: int | None, state: str, remedy: str
) -> None:
    stack = stack_in(tmp_path)
    running = state == "killed"
    history_of(stack).add(a_run(state="running" if running else state, process="0:0", exit_code=code))
    (check,) = tasks(stack)
    assert check.state == ("warning" if code == 3 else "failed")
    assert check.remedy.startswith(remedy)


@pytest.mark.parametrize(("code", "by", "done"), [(None, "gc-recover", "rolled back"), (12, "restore", "restored")])
def test_once_a_collection_was_put_back_it_is_no_failure_any_more(tmp_path: Path, code: int | None, by: str, done: str) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(a_run(state="running" if code is None else ENDED, process="0:0", exit_code=code))
    history_of(stack).add(a_run(run_id="2", task=by, started=datetime.now(UTC).isoformat(), exit_code=1))
    assert "failed" in {check.state for check in tasks(stack) if check.name == "gc"}
    history_of(stack).add(a_run(run_id="3", task=by, started=datetime.now(UTC).isoformat()))
    (check,) = [check for check in tasks(stack) if check.name == "gc"]
    assert check.state == "warning"
    assert f"{done} since" in check.detail


def test_what_somebody_has_mistyped_is_no_state_of_the_registry(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(a_run())
    history_of(stack).add(a_run(run_id="2", task="restore", exit_code=1, summary="no snapshot has tema/app"))
    history_of(stack).add(a_run(run_id="3", task="gc-plan", exit_code=1))
    assert [check.state for check in tasks(stack)] == ["ok"]
    history_of(stack).add(a_run(run_id="4", task="restore", state="running", process="0:0", exit_code=None))
    assert [(check.name, check.state) for check in tasks(stack)] == [("gc", "ok"), ("restore", "warning")]


def test_before_the_first_run_nothing_is_wrong(tmp_path: Path) -> None:
    assert [check.state for check in tasks(stack_in(tmp_path))] == ["ok"]


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ({}, "ok"),
        ({"exit_code": 75}, "ok"),
        ({"exit_code": 3}, "warning"),
        ({"exit_code": 13}, "failed"),
        ({"state": "running", "process": "0:0"}, "failed"),
    ],
)
def test_the_last_run_counts(tmp_path: Path, how: dict[str, Any], state: str) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(a_run(run_id="0", exit_code=1))
    history_of(stack).add(a_run(**how))
    (check,) = tasks(stack)
    assert check.state == state
    assert "3 hours ago" in check.detail
    assert bool(check.remedy) is (state != "ok")
