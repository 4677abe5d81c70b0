"""Rehearsals with a real registry and a real restic, by fixed seeds; `ACTIONS=10000 SEED=… pytest` is a long one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.tasks.rehearse.actions import ACTIONS
from ops.tasks.rehearse.engine import Rehearsal, Rehearsed
from tests.mounts import small_disk
from tests.ops.tasks.rehearse.rehearse_rig import world_in

pytestmark = pytest.mark.system

SEEDS = os.environ.get("SEED", "one two").split()
NUMBER = int(os.environ.get("ACTIONS", "150"))


def _said(done: Rehearsed) -> str:
    return "\n".join([*done.last, done.problem, f"again with ACTIONS={NUMBER} SEED={done.seed}"])


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_every_acknowledged_push_pulls_with_its_digest(tmp_path: Path, seed: str) -> None:
    with world_in(tmp_path) as world:
        done = Rehearsal(world, seed).run(NUMBER)
    assert done.passed, _said(done)
    assert done.actions == NUMBER


def test_a_disk_that_is_full_now_and_then_loses_nothing(tmp_path: Path) -> None:
    often = [replace(one, weight=150) if one.name == "full-disk" else one for one in ACTIONS]
    with small_disk(tmp_path / "disk", size="64m", inodes=0) as disk, world_in(disk, disk=disk) as world:
        done = Rehearsal(world, "full", actions=often).run(NUMBER // 3)
    assert done.passed, _said(done)
    assert done.counts["full-disk"] > 1
