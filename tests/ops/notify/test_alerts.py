"""What is known and what is sent are written in one step; a damaged state costs a repeat, never a crash."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ops.config.notify import AlertRules, Severity
from ops.core.locks import LockedError, lock
from ops.notify import alerts as subject
from ops.notify.alerts import known, tell
from ops.notify.outbox import Outbox, OutboxError
from ops.notify.policy import AlertEvent, KnownState
from tests.ops.notify.notify_samples import NOON, gc_failed, outbox

RULES = AlertRules(digest_hour=None)
BAD, GOOD = AlertEvent(gc_failed(), ok=False), AlertEvent(gc_failed(), ok=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "alerts.json"


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    return outbox(tmp_path / "outbox")


def waiting(box: Outbox) -> list[str]:
    return [stored.letter.message.title for _, stored in box.mailbox("phone").letters(box.mailbox("phone").new)]


def test_state_lives_from_run_to_run(path: Path, box: Outbox) -> None:
    for step, event in enumerate([BAD, BAD, GOOD, GOOD]):
        tell(path, box, [event], NOON + step, RULES)
    assert waiting(box) == ["Garbage collection failed", "Resolved: Garbage collection failed"]
    assert known(path).firing == ()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_decided_but_not_posted_is_posted_by_the_next_run(
    path: Path, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutboxError("a message cannot be kept", OSError(28, os.strerror(28)))

    with monkeypatch.context() as during:
        during.setattr(Outbox, "post", full)
        with pytest.raises(OutboxError):
            tell(path, box, [BAD], NOON, RULES)
    assert len(tell(path, box, [BAD], NOON + 60, RULES)) == 1
    assert waiting(box) == ["Garbage collection failed"]
    assert tell(path, box, [], NOON + 120, RULES) == ()


def test_a_full_disk_is_an_error_and_changes_nothing(path: Path, box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(path, box, [], NOON, RULES)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as during:
        during.setattr(subject, "write_atomic", full)
        with pytest.raises(OutboxError, match=f"{path}: No space left on device; free some space") as caught:
            tell(path, box, [BAD], NOON, RULES)
    assert caught.value.exit_code == 14
    assert (path.read_bytes(), waiting(box)) == (before, [])
    assert len(tell(path, box, [BAD], NOON, RULES)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"schema": 2}', b'{"state": {"firing": [1]}}'])
def test_an_unreadable_state_is_put_aside_and_reported_once(path: Path, box: Outbox, content: bytes) -> None:
    tell(path, box, [BAD], NOON, RULES)
    path.write_bytes(content)
    notice, repeated = tell(path, box, [BAD], NOON + 60, RULES)
    assert notice.message.title == "The alert state could not be read"
    assert notice.message.severity is Severity.WARNING
    assert repeated.message.title == "Garbage collection failed"
    assert path.with_name("alerts.json.unreadable").read_bytes() == content
    assert tell(path, box, [BAD], NOON + 120, RULES) == ()


def test_the_first_run_knows_nothing(path: Path, box: Outbox) -> None:
    with pytest.raises(FileNotFoundError):
        known(path)
    assert tell(path, box, [], NOON, RULES) == ()
    assert known(path) == KnownState(digest_on="2026-11-18")


def test_two_at_once_come_one_after_the_other(path: Path, box: Outbox) -> None:
    events = [AlertEvent(gc_failed(subject=str(number)), ok=False) for number in range(8)]
    threads = [threading.Thread(target=tell, args=(path, box, [event], NOON, RULES)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waiting(box)) == len(known(path).firing) == 8


def test_a_state_locked_for_too_long_is_not_waited_for(path: Path, box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_LOCK_LIMIT_S", 0.1)
    with lock(path.with_name("alerts.json.lock"), "gc"), pytest.raises(LockedError, match=r"^gc \(process") as caught:
        tell(path, box, [BAD], NOON, RULES)
    assert caught.value.exit_code == 75
