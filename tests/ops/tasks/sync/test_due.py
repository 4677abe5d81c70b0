"""When an entry is due again, and which hours a window has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.tasks.sync.due import INTERVAL_S, again, in_window
from ops.tasks.sync.model import EntryResult, EntryState, Failure
from tests.ops.tasks.sync.entries_for_tests import entry

NOW = 1_000_000.0
PASSES, LASTS = Failure("away", passes=True), Failure("no such repository")


def waits(state: EntryState, *failures: Failure, tries: int = 0, quarantined: bool = False) -> float:
    """Return in how many seconds an entry is due again."""
    why = {str(number): failure for number, failure in enumerate(failures)}
    return again(EntryResult(entry(), state, failures=why, tries=tries, quarantined=quarantined), NOW) - NOW


def test_what_went_well_and_what_will_not_get_well_by_itself_waits_six_hours() -> None:
    assert waits(EntryState.UNCHANGED) == waits(EntryState.CHANGED) == INTERVAL_S
    assert waits(EntryState.FAILED, LASTS, tries=1) == INTERVAL_S


def test_what_may_pass_is_tried_sooner_and_more_rarely_each_time() -> None:
    times = [waits(EntryState.FAILED, PASSES, tries=tries) for tries in range(1, 8)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (900.0, INTERVAL_S)


def test_what_waits_is_due_by_the_next_run_and_what_is_quarantined_tomorrow() -> None:
    assert waits(EntryState.WAITING) == waits(EntryState.SKIPPED) == 0
    assert waits(EntryState.FAILED, PASSES, tries=5, quarantined=True) == 86_400


@pytest.mark.parametrize(
    ("window", "hour", "inside"),
    [(None, 3, True), ("22:00-06:00", 23, True), ("22:00-06:00", 5, True), ("22:00-06:00", 6, False), ("08:00-10:00", 8, True),
     ("08:00-10:00", 10, False)],
)  # fmt: skip
def test_a_window_may_go_past_midnight(window: str | None, hour: int, inside: bool) -> None:
    assert in_window(window, datetime(2026, 3, 1, hour, tzinfo=UTC)) is inside
