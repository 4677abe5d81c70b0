"""Which backups go: after a grace time, never the latest good one or a suspicious one, and none if anything looks odd."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.backups.repository import GOOD, SUSPICIOUS
from ops.backups.told import Backup
from ops.config import KeepBackups
from ops.tasks.prune.model import Pruned, PruneRefusedError, Refusal
from ops.tasks.prune.plan import planned

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEEP = KeepBackups(monthly_days=100)


def made(days_ago: float, tag: str = GOOD) -> Backup:
    return Backup(f"{days_ago:g}", NOW - timedelta(days=days_ago), (tag,))


def noted(*names: str, days_ago: float) -> dict[str, datetime]:
    return dict.fromkeys(names, NOW - timedelta(days=days_ago))


FOUND = [made(20), made(19.5), made(1), made(0)]


def test_what_can_go_stays_for_the_grace_time_first() -> None:
    first = planned(FOUND, {"20"}, {}, KEEP, NOW)
    assert (first.remove, first.later, first.kept) == ([], {"20": NOW + timedelta(days=7)}, 4)
    early = planned(FOUND, {"20"}, noted("20", days_ago=6.9), KEEP, NOW)
    assert (early.remove, early.noted) == ([], noted("20", days_ago=6.9))
    then = planned(FOUND, {"20"}, noted("20", days_ago=7), KEEP, NOW)
    assert (then.remove, then.later, then.kept) == ([FOUND[0]], {}, 3)


def test_what_has_to_be_kept_again_begins_anew_the_next_time() -> None:
    assert planned(FOUND, set(), noted("20", days_ago=30), KEEP, NOW).noted == {}


def test_a_note_from_a_time_to_come_does_not_count() -> None:
    assert planned(FOUND, {"20"}, noted("20", days_ago=-300), KEEP, NOW).noted == {"20": NOW}


def test_suspicious_ones_and_the_latest_good_one_stay_whatever_the_rules_say() -> None:
    found = [made(90, SUSPICIOUS), made(80), made(70), made(1, SUSPICIOUS)]
    everything = {one.id for one in found}
    at_once = KeepBackups(grace_days=0)
    plan = planned(found, everything, {}, at_once, NOW, allowed=set(Refusal))
    assert ([one.id for one in plan.remove], plan.suspicious) == (["80"], 2)
    assert planned([found[0]], everything, {}, at_once, NOW).remove == []
    assert planned([], set(), {}, KEEP, NOW).kept == 0


@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param([*FOUND, made(-400)], {Refusal.CLOCK, Refusal.SHARE}, id="a backup that was made by a clock far ahead"),
        pytest.param([made(9), made(8)], {Refusal.AGE}, id="no good backup for a week, though suspicious ones"),
        pytest.param([made(300), made(250), made(200), made(0)], {Refusal.SHARE}, id="most are older than all rules reach back"),
        pytest.param([made(20), made(19.5), made(0)], set(), id="nothing odd"),
        pytest.param([made(5), *(made(20 + n / 4) for n in range(200, 0, -1)), made(0)], set(), id="many of the same days"),
    ],
)
def test_what_looks_odd_stops_it_and_is_overridden_by_name(found: list[Backup], why: set[Refusal]) -> None:
    outlived = {one.id for one in found[:-1]}
    plan = planned(found, outlived, {}, KEEP, NOW)
    assert set(plan.refused) == why
    assert not planned(found, outlived, {}, KEEP, NOW, allowed=why).refused
    if why:
        assert all(f"--allow {kind}" in str(PruneRefusedError(plan.refused)) for kind in why)


def test_a_clock_that_jumps_ahead_and_back_removes_nothing() -> None:
    """By a clock that is a year ahead, all but the latest have had their time; but they have not been noted, and are too many."""
    ahead = NOW + timedelta(days=365)
    found = [*FOUND, Backup("ahead", ahead, (GOOD,))]
    plan = planned(found, {one.id for one in FOUND}, {}, KEEP, ahead)
    assert plan.remove == []
    assert set(plan.refused) == {Refusal.SHARE}
    assert set(planned(found, {one.id for one in FOUND}, plan.noted, KEEP, NOW).refused) >= {Refusal.CLOCK}


def test_it_says_what_it_did_and_what_waits_for_the_key() -> None:
    plan = planned([made(90, SUSPICIOUS), *FOUND], {"20"}, noted("20", days_ago=9), KEEP, NOW)
    assert Pruned(plan, removed=1).summary == "removed 1 backups; 4 stay, 1 of them because they are suspicious"
    waiting = Pruned(plan, waiting=1, overdue=True)
    assert (waiting.exit_code, Pruned(plan).exit_code) == (3, 0)
    assert waiting.summary.startswith("1 backups can go, which needs a key that is not on this host: run `make prune`; 5 stay")


def test_an_incomplete_one_goes_and_takes_nobodys_place() -> None:
    incomplete = replace(made(19.2), tags=(GOOD, "files=3"), files=2)
    found = [made(20), made(19.5), incomplete, made(1), made(0)]
    kept_by_restic = {one.id for one in found} - {"20", "19.5"}
    plan = planned(found, {one.id for one in found} - kept_by_restic, {}, KeepBackups(grace_days=0), NOW)
    assert [one.id for one in plan.remove] == ["20", "19.2"], "restic has kept it in the stead of the one before"
    newest = replace(incomplete, made_at=NOW)
    assert planned([*FOUND, newest], set(), {}, KeepBackups(grace_days=0), NOW).remove == []


def test_a_backup_from_a_time_to_come_is_odd_also_when_another_was_made_since() -> None:
    ahead = made(-400)
    assert Refusal.CLOCK in planned([made(20), ahead, made(0)], {"20"}, {}, KEEP, NOW).refused
