"""Alerts on their way to messages: fetched once, told when none can arrive, and passed on to an outside checker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.events.alert_inbox import SILENT_S, AlertInbox
from ops.events.alerts import parse
from ops.notify.delivery import Delivery
from ops.notify.message import Letter, Message
from ops.notify.notifier import Notifier
from ops.notify.outbox import OutboxError
from ops.stack.alerts import alert_inbox
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.alerts import alerts as check_alerts
from ops.tasks.notify.alerts import tell_outside
from ops.tasks.notify.run import deliver
from tests.loopback_server import Answer, serving
from tests.ops.events.alert_samples import WATCHDOG, alert, body
from tests.ops.runs.test_task import CHANNEL, stack_in, titles

DOWN = "RegistryDown: it is down"
SECRET_PATH = "/ping/s3cret-id"
LIMITS = {"cpus": 0.1, "memory_mib": 64}


class Checker:
    """An outside checker: what it was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.url = ""

    def answer(self, method: str, path: str, _: Mapping[str, str]) -> Answer:
        self.asked.append(f"{method} {path}")
        return self.status, {}, b"OK"


@pytest.fixture
def checker() -> Iterator[Checker]:
    made = Checker()
    with serving(made.answer) as port:
        made.url = f"http://127.0.0.1:{port}{SECRET_PATH}"
        yield made


@pytest.fixture(autouse=True)
def _no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.tasks.notify.run.timers", lambda _: {})
    monkeypatch.setattr("ops.stack.alerts.time.clock_gettime", lambda _: 86_400.0)


def stack_with(folder: Path, url: str = "", **given: Any) -> Stack:
    """A stack with one channel, which leads nowhere, and the address of an outside checker."""
    channels = {"phone": CHANNEL | {"server": "http://127.0.0.1:9", "token_secret": None}}
    stack = stack_in(
        folder,
        services={"alertmanager": LIMITS},
        **{"notify": {"channels": channels}, "watchdog_secret": "watchdog_url" if url else None, **given},
    )
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/watchdog_url").write_text(f"{url}\n")
    return stack


def beat(stack: Stack, ago_s: float = 0.0) -> None:
    """Let a sign of life have come so long ago."""
    inbox = AlertInbox(alert_inbox(stack).data, lambda: time.time() - ago_s)
    inbox.expect()
    inbox.post(parse(WATCHDOG))


def post(stack: Stack, *alerts: object) -> None:
    alert_inbox(stack).post(parse(body(*alerts)))


def test_alerts_become_messages_once_and_their_end_too(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    first = alert()
    post(stack, first)
    for _ in range(2):
        deliver(stack)
        assert titles(stack) == [DOWN]
    assert list(alert_inbox(stack).waiting()) == []
    post(stack, {**first, "status": "resolved"})
    deliver(stack)
    assert titles(stack) == [DOWN, f"Resolved: {DOWN}"]


def test_what_comes_while_messages_are_sent_does_not_wait_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_with(tmp_path)
    post(stack, alert())
    late, send = [alert("A"), alert("B"), alert("C"), alert("D")], Notifier.send

    def slow(notifier: Notifier, *, at_once: bool = False) -> Mapping[str, Delivery]:
        if late:
            post(stack, late.pop(0))
        return send(notifier, at_once=at_once)

    monkeypatch.setattr(Notifier, "send", slow)
    deliver(stack)
    assert titles(stack) == [DOWN, "A: it is down", "B: it is down"]
    assert len(list(alert_inbox(stack).waiting())) == 1, "a storm is not followed for ever"


def test_alerts_wait_while_messages_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_with(tmp_path)
    post(stack, alert())

    def full(*_: object) -> None:
        raise OutboxError("cannot store", OSError(28, "No space left on device"))

    with monkeypatch.context() as patched:
        patched.setattr(Notifier, "tell", full)
        with pytest.raises(OutboxError):
            deliver(stack)
    assert len(list(alert_inbox(stack).waiting())) == 1
    deliver(stack)
    assert titles(stack) == [DOWN]


def test_a_kill_between_message_and_removal_tells_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_with(tmp_path)
    post(stack, alert())
    with monkeypatch.context() as patched:
        patched.setattr("ops.tasks.notify.run.alerts.finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deliver(stack)
    deliver(stack)
    assert titles(stack) == [DOWN]
    assert list(alert_inbox(stack).waiting()) == []


def test_what_cannot_be_fetched_holds_up_no_other_message(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    inbox = alert_inbox(stack)
    inbox.data.mkdir(parents=True)
    inbox.folder.write_text("no folder")
    deliver(stack)
    assert titles(stack) == ["Alerts cannot be fetched from the gateway"]
    inbox.folder.unlink()
    post(stack, alert())
    deliver(stack)
    assert titles(stack)[1:] == [DOWN, "Resolved: Alerts cannot be fetched from the gateway"]


def test_a_file_that_cannot_be_read_is_told_and_put_aside(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    inbox = alert_inbox(stack)
    inbox.folder.mkdir(parents=True)
    (inbox.folder / "000000000000001-x.json").write_text("{")
    post(stack, alert())
    deliver(stack)
    deliver(stack)
    assert sorted(titles(stack)) == ["An alert could not be read", DOWN]


def test_an_alert_whose_end_was_lost_ends(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    post(stack, alert())
    deliver(stack)
    state = stack.data / "alerts.json"
    known = json.loads(state.read_text())
    (firing,) = known["state"]["firing"]
    firing["reported"] = time.time() - 5 * 3600
    state.write_text(json.dumps(known))
    beat(stack)
    deliver(stack)
    assert titles(stack) == [DOWN], "Alertmanager may only just be back"
    for ago_s in range(4 * 3600, -1, -300):
        beat(stack, ago_s)
    deliver(stack)
    assert titles(stack) == [DOWN, f"Resolved: {DOWN}"]


def test_that_no_alert_can_arrive_is_told_and_that_they_do_again(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    deliver(stack)
    beat(stack)
    deliver(stack)
    assert (titles(stack), [check.state for check in check_alerts(stack)]) == ([], ["ok"])
    beat(stack, SILENT_S + 60)
    (check,) = check_alerts(stack)
    assert (check.state, "for 11 minutes" in check.detail) == ("failed", True)
    deliver(stack)
    deliver(stack)
    told = "No alerts arrive, not even the one that always fires"
    assert titles(stack) == [told]
    beat(stack)
    deliver(stack)
    assert titles(stack) == [told, f"Resolved: {told}"]


def test_where_nothing_raises_alerts_none_is_missed(tmp_path: Path) -> None:
    stack = stack_with(tmp_path)
    beat(stack, SILENT_S + 60)
    without = stack_in(tmp_path, notify={"channels": {"phone": CHANNEL}})
    deliver(without)
    assert (titles(without), check_alerts(without)) == ([], [])


def test_after_a_start_of_the_machine_alerts_have_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.stack.alerts.time.clock_gettime", lambda _: 60.0)
    stack = stack_with(tmp_path)
    beat(stack, 9 * 3600)
    deliver(stack)
    assert titles(stack) == []


def test_alerts_that_nobody_fetches_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_with(tmp_path)
    beat(stack)
    AlertInbox(alert_inbox(stack).data, lambda: time.time() - 3600).post(parse(body(alert())))
    (check,) = check_alerts(stack)
    assert (check.state, check.detail) == ("ok", "some have waited for 1 hour")
    monkeypatch.setattr("ops.tasks.doctor.checks.alerts.timers", lambda _: {"notify": True})
    (check,) = check_alerts(stack)
    assert (check.state, check.remedy) == ("warning", "`regops notify` tells them")
    deliver(stack)
    assert [check.state for check in check_alerts(stack)] == ["ok"]


def test_the_outside_checker_hears_of_it_while_the_whole_chain_works(tmp_path: Path, checker: Checker) -> None:
    stack = stack_with(tmp_path, checker.url)
    deliver(stack)
    assert checker.asked == [], "no sign of life has come yet"
    beat(stack)
    deliver(stack)
    assert checker.asked == [f"GET {SECRET_PATH}"]
    beat(stack, 301)
    deliver(stack)
    assert len(checker.asked) == 1, "Prometheus, Alertmanager or the gateway is silent"


def test_an_outbox_that_is_stuck_silences_the_signs_of_life(tmp_path: Path, checker: Checker) -> None:
    stack = stack_with(tmp_path, checker.url)
    beat(stack)
    notifier = Notifier(stack)
    notifier.outbox.post(Letter(Message("old"), time.time() - 2 * 3600))
    deliver(stack)
    assert checker.asked == []
    for path in notifier.outbox.mailbox("phone").new.glob("*.json"):
        path.unlink()
    deliver(stack)
    assert len(checker.asked) == 1


def test_alerts_that_cannot_be_fetched_silence_them_too(tmp_path: Path, checker: Checker) -> None:
    stack = stack_with(tmp_path, checker.url, notify={})
    beat(stack)
    AlertInbox(alert_inbox(stack).data, lambda: time.time() - 3600).post(parse(body(alert())))
    assert alert_inbox(stack).oldest() is not None
    assert not tell_outside(stack, Notifier(stack))
    deliver(stack)
    assert len(checker.asked) == 1


def test_a_checker_that_is_away_fails_nothing_and_its_address_is_shown_nowhere(
    tmp_path: Path, checker: Checker, caplog: pytest.LogCaptureFixture
) -> None:
    stack = stack_with(tmp_path, checker.url)
    beat(stack)
    checker.status = 404
    deliver(stack)
    (tmp_path / "secrets/watchdog_url").write_text("http://127.0.0.1:9/s3cret-id")
    deliver(stack)
    (tmp_path / "secrets/watchdog_url").unlink()
    deliver(stack)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("ops.")]
    assert len(said) == 3
    assert "answered with 404" in said[0]
    assert "s3cret" not in "".join(said)
