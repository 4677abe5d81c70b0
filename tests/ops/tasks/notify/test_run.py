"""What the task that delivers messages finds out by itself: tasks that nobody starts any more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ops.runs.marks import marks_of
from ops.tasks.notify.run import deliver
from tests.ops.runs.test_task import CHANNEL, stack_in, titles

DAY = 86_400.0


def test_a_task_that_nobody_starts_is_told_once_and_that_it_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.tasks.notify.run.timers", lambda _: {"gc": True, "snapshot": True})
    monkeypatch.setattr("ops.tasks.notify.run.up_s", lambda: 90 * DAY)
    channel = CHANNEL | {"server": "http://127.0.0.1:9"}  # where nobody listens
    stack = stack_in(tmp_path, notify={"channels": {"phone": channel}})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/ntfy_token").write_text("tk_secret")
    deliver(stack)
    assert titles(stack) == [], "both are expected from now on"
    marks = marks_of(stack)
    marks.tried("gc", time.time() - 12 * DAY, well=True)
    deliver(stack)
    deliver(stack)
    assert titles(stack) == ["gc has not run"]
    marks.tried("gc", time.time(), well=True)
    deliver(stack)
    deliver(stack)
    assert titles(stack) == ["gc has not run", "Resolved: gc has not run"]


def test_a_clock_that_was_ahead_silences_it_for_no_longer_than_a_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.tasks.notify.run.timers", lambda _: {"gc": True})
    stack = stack_in(tmp_path)
    marks_of(stack).tried("gc", time.time() + 400 * DAY, well=True)
    deliver(stack)
    mark = marks_of(stack).get("gc")
    assert mark is not None
    assert mark.tried <= time.time()
