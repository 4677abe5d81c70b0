"""Alerts that wait on disk, and the signs of life."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import MOST_ALERT_FILES
from ops.events.alert_inbox import SILENT_S, AlertInbox, Heartbeat, InboxError
from ops.events.alerts import parse
from tests.ops.events.alert_samples import WATCHDOG, alert, body
from tests.ops.notify.notify_samples import NOON, Clock

BEAT = parse(WATCHDOG)


def test_what_was_posted_waits_in_order_until_it_is_finished(tmp_path: Path) -> None:
    clock = Clock()
    inbox = AlertInbox(tmp_path, clock)
    assert (list(inbox.waiting()), inbox.oldest()) == ([], None)
    notifications = [parse(body(alert(name))) for name in ("A", "B", "C")]
    for one in notifications:
        inbox.post(one)
        clock.now += 1
    waiting = list(AlertInbox(tmp_path).waiting())
    assert [notification for _, notification in waiting] == notifications
    assert inbox.oldest() == NOON
    assert {path.stat().st_mode & 0o777 for path, _ in waiting} == {0o600}
    inbox.finish(waiting[0][0], readable=True)
    inbox.finish(waiting[0][0], readable=True)
    assert [notification for _, notification in inbox.waiting()] == notifications[1:]


def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    inbox = AlertInbox(tmp_path)
    inbox.post(parse(body(alert())))
    ((path, _),) = inbox.waiting()
    for number, content in enumerate([b"", b"null", b'{"alerts": 1}', b"[" * 100_000]):
        path.with_name(f"{number:015d}-x.json").write_bytes(content)
    found = list(inbox.waiting())
    assert [notification is None for _, notification in found] == [True] * 4 + [False]
    for each, notification in found:
        inbox.finish(each, readable=notification is not None)
    assert list(inbox.waiting()) == []
    assert len(list(inbox.folder.iterdir())) == 4


def test_what_is_put_aside_does_not_fill_the_disk(tmp_path: Path) -> None:
    inbox = AlertInbox(tmp_path)
    inbox.folder.mkdir()
    for number in range(40):
        path = inbox.folder / f"{number:015d}-x.json"
        path.write_text("no")
        inbox.finish(path, readable=False)
    assert len(list(inbox.folder.iterdir())) == 20


def test_when_nobody_fetches_them_no_more_are_taken_and_none_is_lost(tmp_path: Path) -> None:
    inbox = AlertInbox(tmp_path)
    inbox.folder.mkdir()
    for number in range(MOST_ALERT_FILES):
        (inbox.folder / f"{number:015d}-x.json").touch()
    with pytest.raises(InboxError, match="wait in"):
        inbox.post(parse(body(alert())))
    assert len(list(inbox.folder.iterdir())) == MOST_ALERT_FILES
    inbox.post(BEAT)
    assert inbox.heartbeat().last > 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "alerts").write_text("no folder")
    with pytest.raises(InboxError, match=r"Not a directory|File exists"):
        AlertInbox(tmp_path).post(parse(body(alert())))


def test_signs_of_life_are_one_small_file(tmp_path: Path) -> None:
    clock = Clock()
    inbox = AlertInbox(tmp_path, clock)
    assert inbox.heartbeat() == Heartbeat()
    inbox.expect()
    assert not inbox.heartbeat().is_silent(NOON + SILENT_S)
    assert inbox.heartbeat().is_silent(NOON + SILENT_S + 1)
    for _ in range(3):
        clock.now += 60
        inbox.post(BEAT)
    assert inbox.heartbeat() == Heartbeat(NOON + 60, NOON + 180, NOON)
    assert [path.name for path in tmp_path.iterdir()] == ["watchdog.json"]
    clock.now += SILENT_S + 1
    assert inbox.heartbeat().is_silent(clock.now)
    inbox.post(BEAT)
    assert inbox.heartbeat().since == clock.now, "there was a gap"


def test_a_clock_that_was_ahead_passes_for_no_sign_of_life(tmp_path: Path) -> None:
    clock = Clock(NOON + 86_400)
    inbox = AlertInbox(tmp_path, clock)
    inbox.expect()
    inbox.post(BEAT)
    assert inbox.heartbeat().is_silent(NOON)
    clock.now = NOON
    inbox.post(BEAT)
    assert inbox.heartbeat().since == NOON


def test_signs_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / "watchdog.json").write_text("{")
    inbox = AlertInbox(tmp_path, Clock())
    assert inbox.heartbeat() == Heartbeat()
    inbox.post(BEAT)
    assert inbox.heartbeat().last == NOON
