"""Incidents in probes, and what happened at that time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ops.runs.history import ENDED, KILLED, Run
from ops.tasks.budget.incidents import incidents, with_causes
from ops.tasks.budget.model import Incident

BEGAN = datetime(2026, 11, 3, 4, 12, tzinfo=UTC).timestamp()
# From 04:12:00 to 04:17:00.
INCIDENT = Incident(BEGAN, probes=10)


def probes(told: str, begin: float = 0.0) -> Iterator[tuple[float, bool]]:
    """Probes each 30 s: `+` succeeded, `-` failed, a space is missing."""
    yield from ((begin + 30 * number, one == "+") for number, one in enumerate(told) if one != " ")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", []),
        ("+++++", []),
        ("--+++", [(0, 60)]),
        ("+--++-", [(30, 60), (150, 30)]),
        ("+- --+", [(30, 90)]),
        ("+-      -+", [(30, 30), (240, 30)]),
        ("---", [(0, 90)]),
    ],
    ids=["none", "all well", "from the start", "two", "a probe is missing", "long without a probe", "all"],
)
def test_probes_that_fail_one_after_the_other_are_one(told: str, expected: list[tuple[float, float]]) -> None:
    found = list(incidents(probes(told)))
    assert [(one.began, one.seconds) for one in found] == expected
    assert sum(one.probes for one in found) == told.count("-")


def run_at(hour_minute: str, seconds: float | None, task: str = "gc", state: str = ENDED) -> Run:
    return Run(f"id-of-{task}", task, f"2026-11-03T{hour_minute}:00+00:00", state, seconds=seconds, exit_code=0)


@pytest.mark.parametrize(
    ("run", "named"),
    [
        (run_at("04:10", 60), True),
        (run_at("04:00", 3600), True),
        (run_at("04:17", 5), True),
        (run_at("04:00", 60), False),
        (run_at("04:18", 60), False),
        (run_at("04:13", None, state=KILLED), True),
        (run_at("04:13", 60, task="doctor"), False),
        (run_at("04:13", 60, task="restore"), True),
    ],
    ids=["ended just before", "all the time", "at its end", "long before", "after", "killed", "a probe of ours", "another"],
)
def test_tasks_that_ran_then_are_named(run: Run, named: bool) -> None:
    found = with_causes(INCIDENT, [run], {}, []).causes
    assert found == ([f"{run.task} ran ({run.run_id})"] if named else [])


def test_releases_and_starts_of_that_time_are_named() -> None:
    releases = {"0123456789abcdef": BEGAN - 30, "another": BEGAN - 3600}
    starts = [("registry", BEGAN + 20), ("registry", BEGAN + 20), ("edge", BEGAN - 5000), ("the machine", BEGAN - 60)]
    found = with_causes(INCIDENT, [], releases, starts).causes
    assert found == ["`up` installed release 0123456789ab", "registry started again", "the machine started again"]
