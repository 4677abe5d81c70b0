"""How long tasks may go without doing their work: one run that something was in the way of is fine, two in a row are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.server.schedule import schedule
from ops.runs.due import PERIODS_S, Missed, limit_s, missed, silent_since
from ops.runs.history import ENDED, NOT_STARTED, RUNNING, Run
from ops.runs.marks import Mark
from tests.infra.server.plans import plan

HOUR, DAY, WEEK = 3600.0, 86_400.0, 7 * 86_400.0
NOW = 1_800_000_000.0


def run_at(at: float, *, state: str = NOT_STARTED, exit_code: int | None = 75, task: str = "gc") -> Run:
    started = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return Run(f"{at}", task, started, state, "1:1", 1.0, exit_code, "snapshot (process 7) has been running")


def done_at(at: float, task: str = "gc") -> Run:
    return run_at(at, state=ENDED, exit_code=0, task=task)


def test_the_periods_are_those_of_the_schedule() -> None:
    tasks = {task.name: task.when for task in schedule(plan())}
    week = {name: len(when.minutes) * (len(when.hours) or 24) * (len(when.weekdays) or 7) for name, when in tasks.items()}
    assert {name: WEEK / runs for name, runs in week.items()} == PERIODS_S


@pytest.mark.parametrize(
    ("task", "limit"),
    [
        ("gc", 1.5 * WEEK),
        ("snapshot", 1.5 * DAY),
        ("doctor", 1.5 * HOUR),
        ("changes", HOUR),
        ("drill", 8 * DAY),
        ("restore", None),
    ],
)
def test_two_runs_in_a_row_are_too_many_but_nobody_hears_of_minutes(task: str, limit: float | None) -> None:
    assert limit_s(task) == limit


@pytest.mark.parametrize("early", [-1800.0, 0.0, 1800.0])  # timers spread their runs
def test_a_weekly_task_is_told_the_second_time_and_each_further_time(early: float) -> None:
    runs, told = [done_at(NOW)], list[Missed | None]()
    for week in (1, 2, 3):
        runs.append(run_at(NOW + week * WEEK + early))
        told.append(missed("gc", runs, Mark(runs[-1].at, NOW)))
    first, second, third = told
    assert first is None
    assert second == Missed(NOW, 2, tell=True, again=False)
    assert third == Missed(NOW, 3, tell=True, again=True)


def test_a_task_of_every_hour_is_told_once() -> None:
    runs = [done_at(NOW, "doctor"), *(run_at(NOW + hour * HOUR, task="doctor") for hour in (1, 2, 3))]
    told = [missed("doctor", runs[:count], None) for count in (2, 3, 4)]
    assert [one and one.tell for one in told] == [None, True, False]


def test_somebody_who_tries_again_by_hand_makes_no_alarm() -> None:
    runs = [done_at(NOW), *(run_at(NOW + WEEK + 60 * number) for number in range(20))]
    assert missed("gc", runs, None) is None
    late = [*runs, *(run_at(NOW + 2 * WEEK + 60 * number) for number in range(3))]
    told = [missed("gc", late[:count], None) for count in (22, 23, 24)]
    assert [one and one.tell for one in told] == [True, False, False]


def test_a_task_that_has_never_done_its_work_is_told_the_second_time_too() -> None:
    assert missed("gc", [run_at(NOW)], None) is None
    assert missed("gc", [run_at(NOW), run_at(NOW + WEEK)], None) == Missed(None, 2, tell=True, again=False)


def test_a_success_that_is_not_in_the_history_counts() -> None:
    runs = [run_at(NOW, task="snapshot"), run_at(NOW + 2 * DAY, task="snapshot")]
    assert missed("snapshot", runs, None) is not None
    assert missed("snapshot", runs, Mark(NOW + 2 * DAY, NOW + DAY)) is None
    assert missed("snapshot", runs, Mark(NOW + 2 * DAY, NOW + 2 * DAY, well=True)) is None


def test_work_that_somebody_elses_run_has_done_is_done() -> None:
    assert missed("gc", [done_at(NOW), run_at(NOW + WEEK, state=ENDED), run_at(NOW + 2 * WEEK)], None) is None


def test_what_was_done_by_a_clock_that_was_ahead_silences_nothing() -> None:
    runs = [run_at(NOW), run_at(NOW + WEEK)]
    assert missed("gc", runs, Mark(NOW + WEEK, NOW + 90 * DAY)) == Missed(None, 2, tell=True, again=False)


def test_a_task_without_a_schedule_is_the_business_of_whoever_runs_it() -> None:
    assert missed("restore", [run_at(NOW, task="restore"), run_at(NOW + WEEK, task="restore")], None) is None


@pytest.mark.parametrize(
    ("runs", "mark", "since"),
    [
        ([], None, NOW - 20 * DAY),  # it was never run at all
        ([done_at(NOW - 12 * DAY)], None, NOW - 12 * DAY),
        ([done_at(NOW - 12 * DAY)], Mark(NOW - DAY), None),
        ([run_at(NOW - DAY)], None, None),  # tried: that is another trouble
        ([run_at(NOW - 12 * DAY, state=RUNNING, exit_code=None)], None, NOW - 12 * DAY),  # hangs
        ([done_at(NOW + 90 * DAY)], Mark(NOW + 90 * DAY), NOW - 20 * DAY),  # by a clock that was ahead
    ],
)
def test_a_task_that_nobody_starts_is_found(runs: list[Run], mark: Mark | None, since: float | None) -> None:
    assert silent_since("gc", runs, mark, now=NOW, up_s=90 * DAY, known_s=NOW - 20 * DAY) == since
    assert silent_since("gc", runs, mark, now=NOW, up_s=600, known_s=NOW - 20 * DAY) is None, "missed runs are being made up for"
