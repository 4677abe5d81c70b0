"""Prunes of a real restic's backups: what goes and what stays, and what a kill leaves."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.backups.errors import BackupError
from ops.backups.repository import GOOD, SUSPICIOUS
from ops.config import BackupSettings, KeepBackups
from ops.tasks.prune.model import Pruned, PruneRefusedError
from ops.tasks.prune.run import prune
from tests.ops import command_line
from tests.ops.backups.dated import Dated, with_restic
from tests.ops.tasks.backup.victim import kill_at

pytestmark = pytest.mark.system
NOW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
KEEP = KeepBackups(all_days=3, daily_days=14, weekly_days=60, monthly_days=100, grace_days=5)
# In days before NOW.
MADE = (400.0, 300.0, 10.3, 10.1, 2.2, 2.1, 0.1)
GO, STAY = {400.0, 10.3}, {300.0, 10.1, 2.2, 2.1, 0.1}


class KilledError(BaseException):
    """The task was killed."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dated]:
    """All backups; the one of 300 days ago is suspicious."""
    with with_restic():
        folder = tmp_path_factory.mktemp("made")
        dated = Dated(folder, BackupSettings(target=str(folder / "target"), keep=KEEP))
        dated.backups.all(create=True)
        for days in MADE:
            dated.back_up(NOW - timedelta(days=days), SUSPICIOUS if days == 300.0 else GOOD)
        yield dated


@pytest.fixture
def dated(made: Dated, tmp_path: Path) -> Dated:
    """A copy of all backups."""
    shutil.copytree(made.root / "target", tmp_path / "target")
    return Dated(tmp_path, BackupSettings(target=str(tmp_path / "target"), keep=KEEP))


def days(dated: Dated) -> set[float]:
    return {round((NOW - one.made_at) / timedelta(days=1), 1) for one in dated.backups.all()}


def pruned(dated: Dated, in_days: float = 0.0, kill: str = "") -> Pruned:
    def step(name: str) -> None:
        if name == kill:
            raise KilledError

    return prune(dated.stack, step, now=NOW + timedelta(days=in_days))


def test_what_no_rule_keeps_goes_after_the_grace_time_and_the_rest_is_restorable(dated: Dated) -> None:
    first = pruned(dated)
    assert (first.removed, len(first.plan.later)) == (0, 2)
    size = _size(dated)
    assert pruned(dated, in_days=4).removed == 0
    done = pruned(dated, in_days=5)
    assert (done.removed, done.plan.kept, done.plan.suspicious) == (2, 5, 1)
    assert days(dated) == STAY
    assert _size(dated) < size * 0.8, "their data is gone, too"
    dated.restorable(dated.backups.all())
    assert pruned(dated, in_days=5).removed == 0


def test_a_dry_run_and_a_refused_one_note_and_remove_nothing(dated: Dated) -> None:
    assert len(prune(dated.stack, lambda _: None, dry_run=True, now=NOW).plan.later) == 2
    assert pruned(dated).plan.later
    with pytest.raises(PruneRefusedError, match="age: the latest good backup is 30 days old"):
        pruned(dated, in_days=30)
    assert days(dated) == GO | STAY


def test_a_prune_that_was_killed_at_any_step_is_completed_by_the_next(dated: Dated) -> None:
    pruned(dated)
    size = _size(dated)
    for step in ("looked", "noted", "forgotten", "pruned"):
        with pytest.raises(KilledError):
            pruned(dated, in_days=5, kill=step)
        assert days(dated) in (GO | STAY, STAY)
    pruned(dated, in_days=5)
    assert days(dated) == STAY
    assert _size(dated) < size * 0.8
    dated.restorable(dated.backups.all())


def test_kill_9_at_any_step_is_made_good_by_the_next(dated: Dated) -> None:
    pruned(dated)
    size = _size(dated)
    for step in ("looked", "noted", "forgotten", "pruned"):
        kill_at(step, dated.root, prune_at=NOW + timedelta(days=5))
        assert days(dated) in (GO | STAY, STAY)
        dated.restorable([one for one in dated.backups.all() if round((NOW - one.made_at) / timedelta(days=1), 1) in STAY])
    pruned(dated, in_days=5)
    assert days(dated) == STAY
    assert _size(dated) < size * 0.8


def test_a_restic_that_was_killed_blocks_neither_the_next_prune_nor_a_backup(
    dated: Dated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned(dated)
    for verb, after_s in (("forget", 0.5), ("prune", 0.4), ("prune", 0.7)):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(_killer(tmp_path / f"{verb}-{after_s}", verb, after_s)), prepend=":")
            with contextlib.suppress(BackupError):  # unless it was faster than the kill
                pruned(dated, in_days=5)
    stage = dated.root / "stage"
    stage.mkdir()
    (stage / "new").write_text("new\n")
    made = dated.backups.restic.back_up(stage, host="tested", tags=[GOOD])
    pruned(dated, in_days=5)
    assert days(dated) >= STAY - {2.2, 2.1}
    assert not days(dated) & GO
    dated.restorable([one for one in dated.backups.all() if one.id != made.id])


def _killer(folder: Path, verb: str, after_s: float) -> Path:
    """Return a folder with a restic that is killed a while after it begins one of its verbs in earnest."""
    real, program = shutil.which("restic"), folder / "restic"
    folder.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase " $* " in *" {verb} "*" --no-lock "*) ;; *" {verb} "*)\n'
        f'"{real}" "$@" & sleep {after_s}; kill -9 $! && wait $!; exit 137;; esac\nexec "{real}" "$@"\n'
    )
    program.chmod(0o755)
    return folder


def test_the_command_tells_what_it_would_remove_and_why_it_refuses(dated: Dated) -> None:
    def regops(*words: str) -> tuple[int, str]:
        done = command_line.regops(dated.root, "backups", "prune", *words)
        return done.returncode, done.stdout + done.stderr

    (dated.root / "data/regops").mkdir(parents=True)
    code, said = regops("--dry-run")
    assert code == 0, said
    assert "can go on" in said
    assert "would remove 0 backups; 7 stay, 1 of them because they are suspicious" in said
    assert regops("--json")[0] == 0
    dated.back_up(NOW + timedelta(days=400))
    code, said = regops()
    assert (code, "clock:" in said) == (1, True), said
    assert days(dated) >= GO | STAY


def _size(dated: Dated) -> int:
    return sum(file.stat().st_size for file in (dated.root / "target/data").rglob("*") if file.is_file())
