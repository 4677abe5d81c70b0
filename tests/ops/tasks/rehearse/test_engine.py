"""Rehearsals with a real registry and a real restic: by fixed seeds, and by one that is another with each change of `ops`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.tasks.rehearse.actions import ACTIONS, Action
from ops.tasks.rehearse.engine import Rehearsal, Rehearsed
from ops.tasks.rehearse.model import Model
from ops.tasks.rehearse.scene import Scene
from ops.tasks.rehearse.world import World
from tests.mounts import small_disk
from tests.ops.tasks.rehearse.rehearse_rig import world_in

pytestmark = pytest.mark.system

NUMBER = int(os.environ.get("ACTIONS", "150"))
AWAY = ("sync", "cut-sync", "kill-sync", "cut-push", "cache-away", "box-away", "receiver-away", "version-before")


def of_this_version() -> str:
    """A seed that nobody has to keep: what is in `ops` chooses it."""
    content = hashlib.sha256()
    for path in sorted((PROJECT_FOLDER / "ops").rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()[:8]


SEED = os.environ.get("SEED") or of_this_version()


def said(done: Rehearsed) -> str:
    """What led to a finding, and the command that does it again."""
    again = f"ACTIONS={NUMBER} SEED={SEED} .venv/bin/python -m pytest {Path(__file__).relative_to(PROJECT_FOLDER)}"
    return "\n".join([*done.last, done.problem, f"again with `{again}`"])


def each_then_often(world: World, names: tuple[str, ...], number: int) -> None:
    """Do each of some actions once, and then so many of all, among which those are frequent."""
    model, left = Model(), set(names)

    def once(action: Action) -> Action:
        def do(scene: Scene) -> str:
            left.remove(action.name)
            return action.do(scene)

        return replace(action, do=do, ready=lambda scene: action.name in left and action.ready(scene))

    done = Rehearsal(world, "each", model, actions=[once(one) for one in ACTIONS if one.name in names]).run(len(names))
    assert done.passed, said(done)
    often = [replace(one, weight=50) if one.name in names else one for one in ACTIONS]
    done = Rehearsal(world, SEED, model, actions=often).run(number)
    assert done.passed, said(done)


@pytest.mark.parametrize("seed", ["one", SEED], ids=["fixed", "of this version"])
def test_whatever_happens_every_acknowledged_push_pulls_with_its_digest(tmp_path: Path, seed: str) -> None:
    with world_in(tmp_path) as world:
        done = Rehearsal(world, seed).run(NUMBER)
    assert done.passed, said(done)
    assert done.actions == NUMBER


def test_a_disk_without_room_now_and_then_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="64m", inodes=20_000) as disk, world_in(disk, disk=disk) as world:
        each_then_often(world, ("full-disk", "full-inodes"), NUMBER // 3)


def test_what_is_away_now_and_then_is_missed_and_nothing_is_lost(tmp_path: Path) -> None:
    with world_in(tmp_path / "stack", around=tmp_path) as world:
        each_then_often(world, AWAY, NUMBER // 6)
