"""What the task that delivers messages finds out by itself: tasks that nobody starts any more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ops.notify.message import Letter, Message
from ops.notify.notifier import Notifier
from ops.runs.marks import marks_of
from ops.tasks.notify.run import deliver
from tests.ops.runs.test_task import CHANNEL, stack_in, titles
from tests.ops.tasks.doctor.checks.test_logins import refused

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


def test_a_channel_that_does_not_work_is_told_through_the_others(tmp_path: Path) -> None:
    nowhere = CHANNEL | {"server": "http://127.0.0.1:9", "token_secret": None}  # where nobody listens
    stack = stack_in(tmp_path, notify={"channels": {"phone": nowhere, "desk": nowhere}})
    box = Notifier(stack).outbox.mailbox("desk")
    Notifier(stack).outbox.post(Letter(Message("old"), time.time() - 2 * 3600))
    for path in (stack.data / "outbox/phone/new").glob("*.json"):
        path.unlink()
    deliver(stack)
    deliver(stack)
    assert titles(stack) == ["Messages do not reach desk"]
    assert [stored.letter.message.title for _, stored in box.letters(box.new)] == ["old"]
    for path in (stack.data / "outbox/desk/new").glob("*.json"):
        path.unlink()
    deliver(stack)
    assert titles(stack) == ["Messages do not reach desk", "Resolved: Messages do not reach desk"]
    assert list(box.letters(box.new)) == []


def test_an_account_that_is_refused_again_and_again_is_told_once_and_that_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.tasks.notify.run.timers", lambda _: {})
    stack = stack_in(tmp_path, notify={"channels": {"phone": CHANNEL | {"server": "http://127.0.0.1:9"}}})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/ntfy_token").write_text("tk_secret")
    for ages_s in ([10], [5], [10, 10], [3700]):
        refused(stack, *ages_s)
        deliver(stack)
    said = [f"Account robot{number} is refused again and again" for number in (0, 1)]
    assert sorted(titles(stack)) == sorted([*said, *(f"Resolved: {one}" for one in said)])


def test_a_clock_that_was_ahead_silences_it_for_no_longer_than_a_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.tasks.notify.run.timers", lambda _: {"gc": True})
    stack = stack_in(tmp_path)
    marks_of(stack).tried("gc", time.time() + 400 * DAY, well=True)
    deliver(stack)
    mark = marks_of(stack).get("gc")
    assert mark is not None
    assert mark.tried <= time.time()
