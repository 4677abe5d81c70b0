"""What people are told of entries that fail: what is new, once, and that it is over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.config.notify import Severity
from ops.notify.message import Message
from ops.notify.notifier import Notifier
from ops.notify.outbox import OutboxError
from ops.runs.task import run_task
from ops.stack.stack import Stack
from ops.tasks.sync.concluded import concluded
from ops.tasks.sync.measured import FILE
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.model import EntryResult, EntryState, Failure, SyncReport
from tests.ops.runs.test_task import CHANNEL
from tests.ops.tasks.sync.mirror_samples import NOT_THERE, REFUSED, catalogue, edit, remember, stack_with_mirror

CHANNELS = {"channels": {"phone": CHANNEL}}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return stack_with_mirror(tmp_path, 5, notify=CHANNELS)


def after(stack: Stack, failing: Mapping[int, int] | None = None, failures: Mapping[str, Failure] | None = None) -> list[Message]:
    """Remember a run and conclude it in the task's frame; return the messages that it made."""
    remember(stack, failing, failures=failures)
    return concluding(stack, failed=bool(failing))


def concluding(stack: Stack, *, failed: bool = True) -> list[Message]:
    box = Notifier(stack).outbox.mailbox("phone")
    before = {name for name, _ in box.letters(box.new)}
    with mirror_of(stack) as mirror:
        state = EntryState.FAILED if failed else EntryState.UNCHANGED
        report = SyncReport((EntryResult(mirror.entries[0], state, failures=NOT_THERE if failed else {}),))
        done = run_task(stack, "sync", lambda: concluded(mirror, report, pytest.fail))
    assert done.exit_code == (3 if failed else 0)
    return [stored.letter.message for name, stored in box.letters(box.new) if name not in before]


def test_what_newly_fails_is_one_message_and_never_the_same_again(stack: Stack) -> None:
    assert after(stack) == []
    (first,) = after(stack, {0: 1, 1: 1})
    assert (first.title, first.severity) == ("2 of 5 mirror entries fail", Severity.WARNING)
    assert first.lines == (
        "Where: test",
        "Impact: what is here of them can be pulled as ever, and gets no updates",
        "",
        "failed: docker.io/team/app0: there is no such repository; correct its name",
        "failed: docker.io/team/app1: there is no such repository; correct its name",
    )
    assert first.next_command == "regops sync status"
    assert after(stack, {0: 2, 1: 2}) == []
    assert after(stack, {0: 3, 1: 3}) == []
    (more,) = after(stack, {0: 4, 1: 4, 2: 1}, REFUSED)
    assert more.title == "3 of 5 mirror entries fail"
    assert more.lines[3:] == ("failed: docker.io/team/app2: 1.0: the login is refused", "2 fail as before")
    (worse,) = after(stack, {0: 5, 2: 2})
    assert worse.title == "2 of 5 mirror entries fail"
    assert worse.lines[3:] == (
        "quarantined: docker.io/team/app0: there is no such repository; correct its name",
        "well again: docker.io/team/app1",
        "1 fails as before",
    )
    assert after(stack, {0: 6, 2: 3}) == []
    (over,) = after(stack)
    assert over.title == "Resolved: 2 of 5 mirror entries fail"
    assert after(stack) == []


def test_a_run_that_had_nothing_to_do_does_not_say_that_all_is_well(stack: Stack) -> None:
    assert len(after(stack, {0: 5})) == 1
    assert concluding(stack, failed=False) == []


def test_one_that_somebody_takes_out_of_quarantine_is_told_when_it_goes_back(stack: Stack) -> None:
    after(stack, {0: 5})
    assert after(stack, {0: 1}) == []
    (back,) = after(stack, {0: 5})
    assert back.lines[3].startswith("quarantined: docker.io/team/app0")


@pytest.mark.parametrize("content", [catalogue(5, 1), catalogue(1)])
def test_one_that_is_switched_off_or_removed_is_over(stack: Stack, content: bytes) -> None:
    after(stack, {1: 2})
    edit(stack, content)
    (over,) = after(stack)
    assert over.title == "Resolved: 1 of 5 mirror entries fails"


def test_one_that_waits_is_neither_well_nor_news(stack: Stack) -> None:
    after(stack, {0: 1, 1: 1})
    with mirror_of(stack) as mirror:
        mirror.state.ended([(EntryResult(mirror.entries[1], EntryState.WAITING, waits="for pulls"), 0.0)], time.time())
    assert concluding(stack) == []
    assert after(stack, {0: 2, 1: 1}) == []


def test_of_many_some_are_named(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 40, notify=CHANNELS)
    (message,) = after(stack, dict.fromkeys(range(40), 1))
    assert len(message.lines) == 14
    assert message.lines[-1] == "and 30 more"


def test_that_the_task_itself_failed_is_over_when_it_has_only_warnings(stack: Stack) -> None:
    def fails() -> None:
        raise OSError("the engine does not answer")

    with pytest.raises(OSError, match="engine"):
        run_task(stack, "sync", fails)  # type: ignore[arg-type]
    assert [message.title for message in after(stack, {0: 1})] == ["1 of 5 mirror entries fails", "Resolved: sync failed"]


def test_what_could_not_be_told_is_told_by_the_next_run(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(stack, {0: 1})
    warned = list[str]()

    def full(*_: object) -> None:
        raise OutboxError("cannot be written", OSError("disk full"))

    with mirror_of(stack) as mirror, monkeypatch.context() as patched:
        patched.setattr(Notifier, "tell", full)
        assert not concluded(mirror, SyncReport(()), warned.append).told
    assert "notifications cannot be written" in warned[0]
    assert [message.title for message in concluding(stack)] == ["1 of 5 mirror entries fails"]


@pytest.mark.parametrize("metrics", ["metrics", None])
def test_it_is_measured_only_where_monitoring_runs(tmp_path: Path, metrics: str | None) -> None:
    stack = stack_with_mirror(tmp_path, metrics=metrics)
    remember(stack)
    with mirror_of(stack) as mirror:
        concluded(mirror, SyncReport(()), pytest.fail)
    assert (stack.root / "metrics" / FILE).exists() == bool(metrics)
