"""The schedule: what is in the table, and that systemd and cron understand the same by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from infra.paths import PROJECT_FOLDER
from infra.server.schedule import Task, When, schedule
from ops.cli.app import Verbs
from ops.tasks.sync.due import in_window
from tests.infra.server.debian13 import Debian13
from tests.infra.server.plans import plan
from tests.plans import BARE, CATALOGUE, MIRROR, plan_of, plan_with

TASKS = schedule(plan())
BACKUP = {"target": "/srv/backups"}
HOURLY = When(minutes=(17,))
SAMPLES = [
    HOURLY,
    When(minutes=(0, 5, 10, 55)),
    When(minutes=(17,), hours=(0, 6, 12, 18)),
    When(minutes=(30,), hours=(3,)),
    When(minutes=(0,), hours=(4,), weekdays=("Sun",)),
    When(minutes=(5,), hours=(0, 23), weekdays=("Sat", "Mon", "Sun")),
]
# On a Monday, within a day; over a month's end; over a year's end.
BASES = [datetime(2026, 11, 23, 9, 22, 38, tzinfo=UTC), datetime(2027, 2, 28, 23, 54, 59, tzinfo=UTC)]
BASES.append(datetime(2026, 12, 31, 23, 59, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("when", "on_calendar", "cron"),
    [
        (HOURLY, "*-*-* *:17:00", "17 * * * *"),
        (When(minutes=(5,), hours=(0, 6)), "*-*-* 00,06:05:00", "5 0,6 * * *"),
        (When(minutes=(0,), hours=(4,), weekdays=("Sun",)), "Sun *-*-* 04:00:00", "0 4 * * 0"),
    ],
)
def test_times_in_words_of_systemd_and_of_cron(when: When, on_calendar: str, cron: str) -> None:
    assert (when.on_calendar, when.cron) == (on_calendar, cron)


def cron_times(expression: str, after: datetime) -> Iterator[datetime]:
    """Give the minutes that crontab(5) means: the plain form, of numbers, lists and stars."""
    fields = [None if field == "*" else {int(number) for number in field.split(",")} for field in expression.split(" ")]
    time = after.replace(second=0)
    while True:
        time += timedelta(minutes=1)
        values = (time.minute, time.hour, time.day, time.month, time.isoweekday() % 7)
        if all(field is None or value in field for field, value in zip(fields, values, strict=True)):
            yield time


@pytest.mark.system
@pytest.mark.parametrize("when", [*SAMPLES, *(task.when for task in TASKS)], ids=lambda when: when.cron)
def test_systemd_and_cron_understand_the_same(server: Debian13, when: When) -> None:
    ask = "systemd-analyze calendar --iterations=5 --base-time"
    script = "\n".join(f"{ask} '{base:%F %T} UTC' '{when.on_calendar}'; echo --" for base in BASES)
    answers = server.run(f"export TZ=UTC\n{script}").stdout.split("--\n")
    for base, answer in zip(BASES, answers, strict=False):
        found = re.findall(r"(?:Next elapse|Iteration #\d|Iter\. #\d): \w{3} (\S+ \S+) UTC", answer)
        times = cron_times(when.cron, base)
        assert found == [f"{next(times):%F %T}" for _ in range(5)], answer


def test_every_task_ends_before_it_begins_again() -> None:
    for task in TASKS:
        times = cron_times(task.when.cron, BASES[0])
        first, second = next(times), next(times)
        assert task.spread_s + task.limit_s < (second - first).total_seconds(), task.name


def test_every_task_is_a_verb_of_regops() -> None:
    names = [task.name for task in TASKS]
    assert len(set(names)) == len(names)
    for task in TASKS:
        assert task.words[0] in Verbs.verbs
        assert re.fullmatch(r"[a-z][a-z-]*", task.name)


def test_a_command_names_the_root_and_what_the_task_needs() -> None:
    task = Task(name="try", purpose="tries", words=["try", "--all"], when=HOURLY, limit_s=60)
    assert task.command(PurePosixPath("/srv/x"))[-5:] == ["ops.cli", "--root", "/srv/x", "try", "--all"]


def test_blobs_are_read_wherever_damaged_ones_can_be_had_again() -> None:
    mirror = {"entries": [{"source": "alpine"}]}
    found = [
        {task.name for task in schedule(plan_of(**{**BARE, **given}))} for given in ({}, {"sync": mirror}, {"backup": BACKUP})
    ]
    assert ["scrub" in names for names in found] == [False, True, True]


@pytest.mark.parametrize(
    ("window", "first"), [("22:00-06:00", "22:05"), ("08:00-10:00", "08:05"), ("23:58-00:30", "00:03"), ("02:30-03:30", "02:35")]
)
def test_a_mirror_that_may_only_copy_in_a_window_runs_in_it(window: str, first: str) -> None:
    tasks = schedule(plan_with(CATALOGUE, **{**BARE, "sync": {**MIRROR, "window": window}}))
    (when,) = [task.when for task in tasks if task.name == "sync"]
    starts = [f"{hour:02}:{minute:02}" for hour in when.hours for minute in when.minutes]
    assert first in starts
    assert len(starts) == 4
    assert in_window(window, datetime.fromisoformat(f"2026-03-01T{first}:00"))


def test_the_documentation_has_the_same_table() -> None:
    text = (PROJECT_FOLDER / "docs" / "schedule.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \| (.+) \| `(.+)` \| `(.+)` \| (\d+) s \| (\d+) s \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [
        (
            task.name,
            task.purpose,
            task.when.on_calendar,
            task.when.cron,
            str(task.spread_s),
            str(task.limit_s),
            ", ".join(f"`{folder}`" for folder in task.writes) or "nothing",
            "yes" if task.network else "no",
        )
        for task in TASKS
    ]
