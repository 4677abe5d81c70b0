"""What is said about alerts: what they mean for people, floods, hostile labels, and alerts whose end nobody has told."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

from ops.config.notify import AlertRules, QuietHours, Severity
from ops.events.alerts import Notification, parse
from ops.notify.alertmanager import FORGOTTEN_S, MOST_OPEN, events_of, forgotten
from ops.notify.message import Fingerprint, Letter, Message
from ops.notify.ntfy import PRIORITIES
from ops.notify.outbox import Outbox
from ops.notify.policy import AlertEvent, Firing, KnownState, decide
from tests.ops.events.alert_samples import WATCHDOG, alert, body
from tests.ops.notify.notify_samples import HOUR, NOON

RULES = AlertRules(digest_hour=None)
WHERE = "registry.example.com"
DOWN = "RegistryDown: it is down"


def reported(*notifications: Notification, known: AbstractSet[Fingerprint] = frozenset()) -> list[AlertEvent]:
    return list(events_of(notifications, known, WHERE))


def given(*alerts: object, left_out: int = 0) -> Notification:
    return parse(body(*alerts, left_out=left_out))


def test_the_message_of_an_alert() -> None:
    runbook = alert(instance="registry:5001", known_by="0" * 16)
    runbook["annotations"]["runbook_url"] = "https://example.com/runbooks#RegistryDown"
    (event,) = reported(given(runbook))
    message = event.message
    assert (message.title, message.severity, event.ok) == (DOWN, Severity.CRITICAL, False)
    assert message.lines == (
        "Where: registry.example.com",
        "Since: 2026-11-18 11:58 UTC",
        "",
        "See `docker ps -a`.",
        "",
        "Alert RegistryDown",
        "service: registry",
        "instance: registry:5001",
    )
    assert message.next_command == "regops status"
    assert [action.url for action in message.actions] == ["https://example.com/runbooks#RegistryDown"]


def test_a_runbook_in_the_repository_is_named() -> None:
    one = alert()
    one["annotations"]["runbook"] = "docs/runbooks/registry.md#RegistryDown"
    (event,) = reported(given(one))
    assert "Runbook: docs/runbooks/registry.md#RegistryDown" in event.message.lines
    assert event.message.actions == ()


@pytest.mark.parametrize(
    ("severity", "priority"),
    [("critical", 5), ("page", 5), ("PAGE", 5), ("error", 4), ("warning", 3), ("ticket", 3), ("info", 2), ("new", 3), ("", 3)],
)
def test_the_severity_of_a_rule_becomes_the_priority_of_the_message(severity: str, priority: int) -> None:
    (event,) = reported(given(alert(severity=severity)))
    assert PRIORITIES[event.message.severity] == priority


def test_an_alert_is_told_once_and_its_end_once_whatever_is_repeated() -> None:
    first, other = alert(instance="a"), alert(instance="b")
    ended = {**first, "status": "resolved"}
    steps = [[given(first)], [given(first)], [given(first, other)], [given(ended, other)], [given(ended)]]
    state, told = KnownState(), []
    for number, step in enumerate(steps):
        known = {one.message.fingerprint for one in state.firing if one.message.fingerprint}
        state, messages = decide(state, reported(*step, known=known), NOON + number * 60, RULES)
        told.append([message.title for message in messages])
    assert told == [[DOWN], [], [DOWN], [f"Resolved: {DOWN}"], []]


def after(*steps: tuple[float, dict[str, Any]], state: KnownState = KnownState()) -> list[str]:  # noqa: B008  # immutable
    """What is told of notifications that come so many seconds after noon, each alone."""
    told = []
    for at, one in steps:
        known = {one.message.fingerprint for one in state.firing if one.message.fingerprint}
        state, messages = decide(state, reported(given(one), known=known), NOON + at, RULES)
        told += [message.title for message in messages]
    return told


FIRST = alert()
ENDED, LATER = {**FIRST, "status": "resolved"}, {**FIRST, "startsAt": "2026-11-18T12:20:00Z"}
TOLD = [DOWN, f"Resolved: {DOWN}"]


@pytest.mark.parametrize("at", [120.0, 3600.0, 12 * HOUR])
def test_an_old_notification_that_comes_once_more_after_its_end_is_not_told(at: float) -> None:
    assert after((0, FIRST), (60, ENDED), (at, FIRST), (at + 30, FIRST)) == TOLD
    assert after((0, FIRST), (60, ENDED), (at, FIRST), (at + 90, ENDED), (at + 120, FIRST)) == TOLD


def test_one_that_fires_again_is_told_at_once() -> None:
    assert after((0, FIRST), (60, ENDED), (120, LATER)) == [*TOLD, DOWN]


def test_one_that_alertmanager_had_ended_without_having_heard_of_it_is_told_when_it_is_repeated() -> None:
    assert after((0, FIRST), (300, ENDED), (600, FIRST), (900, FIRST), (1200, ENDED)) == [*TOLD, *TOLD]
    assert after((0, FIRST), (300, ENDED), (2 * 86_400, FIRST)) == [*TOLD, DOWN], "it is not known for ever"


def test_a_clock_that_jumps_hides_no_alert() -> None:
    assert after((0, FIRST), (60, ENDED), (-3600, FIRST)) == [*TOLD, DOWN]
    assert after((0, FIRST), (60, ENDED), (7200, FIRST), (100, FIRST)) == [*TOLD, DOWN]


def test_beginnings_that_have_ended_are_bounded() -> None:
    state = KnownState()
    for number in range(300):
        one = alert(instance=f"{number}")
        both = reported(given(one), given({**one, "status": "resolved"}))
        state, _ = decide(state, both, NOON + number, RULES)
    assert len(state.ended) == 200


def test_one_that_was_over_before_anybody_looked_is_told_whole() -> None:
    first = alert()
    _, messages = decide(KnownState(), reported(given(first), given({**first, "status": "resolved"})), NOON, RULES)
    assert [message.title for message in messages] == [DOWN, f"Resolved: {DOWN}"]


def test_a_page_passes_the_quiet_hours_and_so_does_its_end() -> None:
    night = AlertRules(digest_hour=None, quiet_hours=QuietHours(start="00:00", end="23:59"))
    page, news = alert(severity="page"), alert("Rebooted", severity="info")
    state, messages = decide(KnownState(), reported(given(page), given(news)), NOON, night)
    assert [message.title for message in messages] == [DOWN]
    known = {one.message.fingerprint for one in state.firing if one.message.fingerprint}
    _, messages = decide(state, reported(given({**page, "status": "resolved"}), known=known), NOON + 60, night)
    assert [(message.title, message.severity) for message in messages] == [(f"Resolved: {DOWN}", Severity.INFO)]


def test_a_page_is_said_again_each_hour() -> None:
    state, _ = decide(KnownState(), reported(given(alert()), given(alert("Slow", severity="warning"))), NOON, RULES)
    told = []
    for hours in range(1, 25):
        state, messages = decide(state, [], NOON + hours * HOUR, RULES)
        told += [message.title for message in messages]
    assert told.count(f"Still: {DOWN}") == 24
    assert told.count("Still: Slow: it is down") == 1


def test_who_was_told_of_a_problem_is_told_of_its_end(tmp_path: Path) -> None:
    box = Outbox(tmp_path, {"phone": Severity.ERROR, "desk": Severity.INFO})
    state, first = decide(KnownState(), reported(given(alert()), given(alert("Slow", severity="warning"))), NOON, RULES)
    events = [AlertEvent(one.message, ok=True) for one in state.firing]
    _, last = decide(state, events, NOON + 60, RULES)
    for message in (*first, *last):
        box.post(Letter(message, NOON))
    on_phone = [stored.letter.message.title for _, stored in box.mailbox("phone").letters(box.mailbox("phone").new)]
    assert on_phone == [DOWN, f"Resolved: {DOWN}"]
    assert len(list(box.mailbox("desk").letters(box.mailbox("desk").new))) == 4


def test_the_sign_of_life_is_no_message() -> None:
    assert reported(parse(WATCHDOG), given(alert("Watchdog", status="resolved"))) == []


def test_a_flood_is_bounded_and_said_once() -> None:
    flood = [given(*(alert(instance=f"{group}-{number}") for number in range(50))) for group in range(10)]
    state, messages = decide(KnownState(), reported(*flood), NOON, RULES)
    assert len(state.firing) == MOST_OPEN + 1
    assert [message.title for message in messages] == [f"{MOST_OPEN + 1} messages at once"]
    known = {one.message.fingerprint for one in state.firing if one.message.fingerprint}
    state, messages = decide(state, reported(*flood, known=known), NOON + 60, RULES)
    assert messages == ()
    assert len(state.firing) == MOST_OPEN + 1
    ended = [
        given(*({**alert(instance=f"{group}-{number}"), "status": "resolved"} for number in range(50))) for group in range(10)
    ]
    state, _ = decide(state, reported(*ended, known=known), NOON + 120, RULES)
    assert state.firing == ()


def test_what_alertmanager_leaves_out_is_counted() -> None:
    events = reported(given(alert(), left_out=30))
    assert [event.message.title for event in events] == [DOWN, "30 more alerts RegistryDown"]
    known = {event.message.fingerprint for event in events if event.message.fingerprint}
    assert [event.ok for event in reported(given(alert()), known=known)] == [False, True]


def test_labels_and_texts_are_shown_in_one_line_each_and_without_what_cannot_be_seen() -> None:
    hostile = alert("A\r\nX-Priority: 1\x00", instance="a\nWhere: elsewhere\u202e", severity="warning\n")
    hostile["annotations"] = {"summary": "S\r\nBcc: m@example.com", "description": "x" * 9000}
    (event,) = reported(given(hostile))
    message = event.message
    assert message.title == "S  Bcc: m@example.com"
    assert not [line for line in (message.title, *message.lines) if not line.isprintable()]
    assert [line for line in message.lines if line.startswith("Where: ")] == ["Where: registry.example.com"]
    assert message.lines[-1] == "instance: a Where: elsewhere"
    assert all(len(line) <= 400 for line in message.lines)


def firing(reported_at: float, task: str = "alert") -> Firing:
    return Firing(Message("x", fingerprint=Fingerprint(task, "x")), NOON, NOON, reported=reported_at)


def test_what_alertmanager_no_longer_repeats_has_ended_if_it_could_have() -> None:
    later = NOON + FORGOTTEN_S + 1
    assert [event.ok for event in forgotten([firing(NOON)], NOON, later)] == [True]
    assert list(forgotten([firing(NOON + 60)], NOON, later)) == []
    assert list(forgotten([firing(NOON)], NOON + 60, later)) == [], "what came meanwhile was lost"
    assert list(forgotten([firing(NOON, "gc")], NOON, later)) == []
