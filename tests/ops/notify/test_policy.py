"""What is sent: changes of state once, reminders, digests, quiet hours; whatever the clock does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ops.config.notify import AlertRules, QuietHours, Severity
from ops.notify.message import Fingerprint, Letter, Message
from ops.notify.policy import AlertEvent, KnownState, decide
from tests.ops.notify.notify_samples import DAY, HOUR, NOON, gc_failed

PLAIN = AlertRules(digest_hour=None)
NIGHTS = AlertRules(digest_hour=None, quiet_hours=QuietHours(start="22:00", end="07:00"), time_zone="Europe/Berlin")
DIGESTS = AlertRules(digest_hour=8)
NIGHT, MORNING = NOON + 12 * HOUR, NOON + 19 * HOUR  # 01:00 and 08:00 in Berlin

BAD, GOOD = AlertEvent(gc_failed(), ok=False), AlertEvent(gc_failed(), ok=True)
NEWS = AlertEvent(Message("12 tags added"))


def run(
    steps: Sequence[tuple[float, Sequence[AlertEvent]]], rules: AlertRules, state: KnownState | None = None
) -> tuple[KnownState, list[list[str]]]:
    """Decide step after step; return what is known and the titles that each step told."""
    state, titles = state or KnownState(), []
    for now, events in steps:
        state, messages = decide(state, events, now, rules)
        titles.append([message.title for message in messages])
    return state, titles


def test_a_failure_is_sent_once_and_its_end_once() -> None:
    steps = [(NOON + step * HOUR, [event]) for step, event in enumerate([GOOD, BAD, BAD, BAD, GOOD, GOOD, BAD])]
    told = "Garbage collection failed"
    assert run(steps, PLAIN)[1] == [[], [told], [], [], [f"Resolved: {told}"], [], [told]]


def test_a_problem_that_changes_is_sent_again_and_from_then_on_as_it_is() -> None:
    changed = AlertEvent(replace(gc_failed(), title="Two failed"), ok=False, changed=True)
    state, titles = run([(NOON, [BAD]), (NOON + HOUR, [changed]), (NOON + 2 * HOUR, [BAD]), (NOON + 24 * HOUR, [])], PLAIN)
    assert titles == [["Garbage collection failed"], ["Two failed"], [], []]
    assert run([(NOON + 25 * HOUR, []), (NOON + 26 * HOUR, [GOOD])], PLAIN, state)[1] == [
        ["Still: Two failed"],
        ["Resolved: Two failed"],
    ]
    assert run([(NOON, [replace(changed, ok=True)])], PLAIN)[1] == [[]]


def test_the_end_says_how_long_it_lasted() -> None:
    state, _ = run([(NOON + step * HOUR, [BAD]) for step in range(3)], PLAIN)
    (message,) = decide(state, [GOOD], NOON + 26 * HOUR, PLAIN)[1]
    assert message.lines == (
        "It lasted 1 day and 2 hours, from 2026-11-18 12:00 UTC, and was reported 3 times.",
        "Where: registry.example.com",
    )
    assert (message.severity, message.tags) == (Severity.INFO, ("white_check_mark",))


def test_an_open_problem_is_sent_again_each_day_with_its_count() -> None:
    state, titles = run([(NOON + step * HOUR, [BAD]) for step in range(50)], PLAIN)
    still = ["Still: Garbage collection failed"]
    assert [step for step, told in enumerate(titles) if told == still] == [24, 48]
    assert sum(map(len, titles)) == 3
    _, (message,) = decide(state, [], NOON + 72 * HOUR, PLAIN)
    assert message.lines[0] == "Unresolved for 3 days: reported 50 times since 2026-11-18 12:00 UTC."
    assert message.severity is Severity.ERROR
    assert message.next_command == "regops gc --dry-run"


def test_a_problem_that_gets_worse_is_sent_at_once_and_one_that_gets_milder_is_not() -> None:
    events = [AlertEvent(gc_failed(severity), ok=False) for severity in (Severity.WARNING, Severity.CRITICAL, Severity.WARNING)]
    assert [len(told) for told in run([(NOON + step, [event]) for step, event in enumerate(events)], PLAIN)[1]] == [1, 1, 0]


def test_each_fingerprint_has_a_state_of_its_own() -> None:
    steps = [(NOON, [AlertEvent(gc_failed(subject="a"), ok=False), AlertEvent(gc_failed(subject="b"), ok=False)])]
    state, _ = run(steps, PLAIN)
    state, titles = run([(NOON + 1, [AlertEvent(gc_failed(subject="a"), ok=True)])], PLAIN, state)
    assert titles == [["Resolved: Garbage collection failed"]]
    assert [one.message.fingerprint for one in state.firing] == [Fingerprint("gc", "failed", "b")]


def test_news_wait_for_the_end_of_the_night_and_warnings_do_not() -> None:
    warning = AlertEvent(Message("v1.0 moved", severity=Severity.WARNING))
    state, titles = run([(NIGHT, [NEWS, warning]), (NIGHT + HOUR, []), (MORNING, []), (MORNING + HOUR, [])], NIGHTS)
    assert titles == [["v1.0 moved"], [], ["12 tags added"], []]
    assert state.held == ()


def test_the_end_of_a_failure_can_wait_for_the_morning() -> None:
    _, titles = run([(NIGHT, [BAD]), (NIGHT + HOUR, [GOOD]), (MORNING, [])], NIGHTS)
    assert titles == [["Garbage collection failed"], [], ["Resolved: Garbage collection failed"]]


def test_many_held_news_come_as_one() -> None:
    state, _ = run([(NIGHT + minute * 60, [NEWS]) for minute in range(150)], NIGHTS)
    assert len(state.held) == 100
    _, (message,) = decide(state, [], MORNING, NIGHTS)
    assert message.title == "150 messages from the quiet hours"
    assert message.omitted == 50


@pytest.mark.parametrize(("utc_hour", "told"), [(19, 1), (20, 0)])
def test_quiet_hours_follow_summer_time(utc_hour: int, told: int) -> None:
    july = NOON - 140 * DAY - 12 * HOUR  # 2026-07-01 00:00 UTC
    assert len(decide(KnownState(), [NEWS], july + utc_hour * HOUR, NIGHTS)[1]) == told


def test_a_flood_is_one_message_as_bad_as_its_worst() -> None:
    events = [AlertEvent(gc_failed(subject=str(number)), ok=False) for number in range(30)] + [NEWS]
    state, (message,) = decide(KnownState(), events, NOON, PLAIN)
    assert (message.title, message.severity) == ("31 messages at once", Severity.ERROR)
    assert len(state.firing) == 30


def test_the_digest_comes_once_a_day_and_only_when_there_is_something_to_say() -> None:
    tomorrow = NOON + DAY
    steps: list[tuple[float, list[AlertEvent]]] = [
        (NOON, [BAD]),
        (NOON + HOUR, [GOOD]),
        (NOON + 19 * HOUR, []),
        (NOON + 20 * HOUR, []),
    ]
    state, titles = run([*steps, (NOON + 21 * HOUR, [GOOD])], DIGESTS)
    assert titles[2:] == [[], ["Daily digest: all resolved"], []]
    assert run([(tomorrow + 20 * HOUR, [])], DIGESTS, state)[1] == [[]], "good reports alone are no news"
    state, _ = run([(NOON, [BAD]), (NOON + HOUR, [AlertEvent(gc_failed(subject="b"), ok=True)])], DIGESTS)
    _, (digest,) = decide(state, [], NOON + 22 * HOUR, DIGESTS)
    assert digest.title == "Daily digest: 1 open"
    assert digest.lines == (
        "Open problems:",
        "error: Garbage collection failed (for 22 hours)",
        "",
        "Reports:",
        "gc: 1 good, 1 bad",
        "",
        "Since the last digest:",
        "Started 2026-11-18 12:00 UTC: Garbage collection failed",
    )


@pytest.mark.parametrize("jump", [-3650 * DAY, -DAY, -HOUR, HOUR, DAY, 3650 * DAY])
@pytest.mark.parametrize("rules", [PLAIN, NIGHTS, DIGESTS])
def test_a_clock_that_jumps_there_and_back_neither_floods_nor_silences(jump: float, rules: AlertRules) -> None:
    state, before = run([(NOON, [BAD])], rules)
    state, there = run([(NOON + jump + step * 60, [BAD]) for step in range(30)], rules, state)
    state, back = run([(NOON + 3600 + step * 60, [BAD]) for step in range(30)], rules, state)
    assert before == [["Garbage collection failed"]]
    assert sum(map(len, there)) <= 2, "a reminder and a digest at most"
    assert sum(map(len, back)) <= 2
    _, later = run([(NOON + 3600 + hour * HOUR, [BAD]) for hour in range(1, 27)], rules, state)
    assert ["Still: Garbage collection failed"] in later, "it is still told after a day"
    _, (last, *_) = decide(state, [GOOD], NOON + 30 * HOUR, rules)
    assert last.title == "Resolved: Garbage collection failed"


def test_a_state_needs_a_fingerprint() -> None:
    with pytest.raises(ValueError, match="needs a fingerprint"):
        AlertEvent(Message("a"), ok=False)


def test_deciding_is_pure() -> None:
    state, _ = run([(NIGHT, [BAD, NEWS])], NIGHTS)
    copy = replace(state)
    assert decide(state, [GOOD], MORNING, NIGHTS) == decide(copy, [GOOD], MORNING, NIGHTS)
    assert state == copy
    assert state.held == (Letter(Message("12 tags added"), NIGHT),)
