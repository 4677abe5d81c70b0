"""How backups stand: what counts as verified, for garbage collection and for `regops status` alike, and how long."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ops.backups.standing import FOLDER, Drilled, Good, Standing, Verified, standing_of
from ops.config import REGOPS_FILE, RegopsConfig, render
from ops.core.findings import FAILED, OK, SKIPPED, WARNING
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.backups import backups

_HOUR_S, _DAY_S = 3600.0, 86_400.0


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack with backups."""
    config = RegopsConfig.model_validate(
        {"stack": "tested", "url": "https://registry.example.com", "data": "data/regops", "backup": {"target": "/mnt/backups"}}
    )
    file = tmp_path / "current" / REGOPS_FILE
    file.parent.mkdir(parents=True)
    file.write_text(render(config))
    return Stack(tmp_path)


def states(stack: Stack) -> list[tuple[str, str]]:
    return [(check.name, check.state) for check in backups(stack) if check.name != "last drill"]


def test_what_was_noted_is_read_again_and_what_is_damaged_counts_as_nothing(tmp_path: Path) -> None:
    standing = Standing(tmp_path / FOLDER)
    assert (standing.good, standing.verified, standing.verified_age_s(0.0)) == (None, None, None)
    standing.note_good(Good("1a2b", 100.0, tags=3))
    standing.note_good(Good("1a2b", 200.0, tags=3))
    assert standing.good == Good("1a2b", 200.0, tags=3, since=100.0)
    standing.note_verified(Verified("1a2b", 50.0, at=250.0))
    assert standing.verified_age_s(260.0) == 60.0, "by when it was current, not by when it was made"
    for text in ("", "{", "[]", json.dumps({"schema": 2, "value": {}})):
        (tmp_path / FOLDER / "good.json").write_text(text)
        assert standing.good is None


def test_damage_takes_back_what_was_verified(tmp_path: Path) -> None:
    standing = Standing(tmp_path / FOLDER)
    standing.note_damaged()
    standing.note_verified(Verified("1a2b", 50.0, at=250.0))
    standing.note_damaged()
    assert standing.verified is None


def test_each_is_shown_with_its_figures_and_told_when_it_is_too_old(stack: Stack) -> None:
    now = time.time()
    assert states(stack) == [("last backup", SKIPPED)]
    standing = standing_of(stack)
    standing.note_good(Good("1a2b3c4d", now - _HOUR_S, tags=12, blobs=345, size=2**30, added=2**20, seconds=7.0))
    assert states(stack) == [("last backup", OK), ("last verified", SKIPPED)]
    standing.note_verified(Verified("1a2b3c4d", 0.0, at=now - 60, backups=5, part="3/14", seconds=9.0))
    assert states(stack) == [("last backup", OK), ("last verified", OK)]
    last, verified = backups(stack)[:2]
    assert "12 tags, 345 blobs, 1.0 GiB; 1.0 MiB sent in 7 s" in last.detail
    assert "read back: 3/14 of 5 backups in 9 s" in verified.detail
    standing.note_good(Good("5e6f7a8b", now - 4 * _DAY_S))
    standing.note_verified(Verified("5e6f7a8b", 0.0, at=now))
    assert states(stack) == [("last backup", WARNING), ("last verified", WARNING)], "verified again, but four days old"


def test_a_drill_is_shown_and_told_when_none_has_passed_for_eight_days(stack: Stack) -> None:
    now, standing = time.time(), standing_of(stack)

    def shown() -> tuple[str, str]:
        (check,) = [one for one in backups(stack) if one.name == "last drill"]
        return check.state, check.detail

    standing.note_good(Good("1a2b3c4d", now - 9 * _DAY_S))
    assert shown() == (WARNING, "none in 8 days")
    standing.note_drilled(Drilled("1a2b3c4d", now - 8.5 * _DAY_S, passed=True, summary="3 tags at 5 MB/s"))
    assert shown()[0] == WARNING
    standing.note_drilled(Drilled("1a2b3c4d", now, passed=True, summary="3 tags at 5 MB/s"))
    assert shown() == (OK, "1a2b3c4d, now: 3 tags at 5 MB/s")
    standing.note_drilled(Drilled("1a2b3c4d", now + 1, passed=False, summary="does not come back"))
    assert shown()[0] == FAILED
    drilled = standing.drilled
    assert drilled
    assert drilled.last_passed == now


def test_where_backups_are_new_a_drill_is_not_missed_yet(stack: Stack) -> None:
    standing_of(stack).note_good(Good("1a2b3c4d", time.time() - _DAY_S))
    assert [check.state for check in backups(stack) if check.name == "last drill"] == [SKIPPED]


def test_a_stack_without_backups_has_nothing_to_say(stack: Stack) -> None:
    config = stack.config.model_copy(update={"backup": stack.config.backup.model_copy(update={"target": None})})
    (stack.current / REGOPS_FILE).write_text(render(config))
    assert backups(Stack(stack.root)) == []
