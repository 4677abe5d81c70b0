"""That a rehearsal finds what is wrong: a registry is harmed behind its back, and it says how."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from ops.core import exit_codes
from ops.stack.places import tree_of
from ops.tasks.rehearse.actions import ACTIONS, Action
from ops.tasks.rehearse.engine import Rehearsal, Rehearsed
from ops.tasks.rehearse.scene import Scene
from ops.tasks.rehearse.world import World
from tests.ops.tasks.rehearse.rehearse_rig import world_in

pytestmark = pytest.mark.system

PUSH, COLLECT = (next(one for one in ACTIONS if one.name == name) for name in ("push", "collect"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(autouse=True)
def _empty(world: World) -> None:
    for folder in (tree_of(world.stack).top, world.live().store.folder):
        shutil.rmtree(folder, ignore_errors=True)


def lose_a_blob(scene: Scene) -> str:
    repository, tag = scene.tag()
    (blob, *_) = scene.model.shapes[scene.model.tags[repository, tag]].blobs
    tree_of(scene.world.stack).blob(blob).unlink()
    return blob


def keep_a_tag(scene: Scene) -> str:
    scene.model.untagged(*scene.tag())
    return "the model believes that it was deleted"


def leave_garbage(scene: Scene) -> str:
    repository, tag = scene.tag()
    scene.model.deleted(repository, scene.model.tags[repository, tag])
    return "the model believes that it is gone"


def after_pushes(world: World, harm: Callable[[Scene], str], number: int = 6) -> Rehearsed:
    """Push, and do harm with the last action."""
    harmful = Action("harm", 10**9, harm, lambda scene: scene.name == f"harm-{number}", is_fault=True)
    return Rehearsal(world, "harm", actions=[PUSH, harmful]).run(number)


@pytest.mark.parametrize(
    ("harm", "said"),
    [(lose_a_blob, "was answered 404"), (keep_a_tag, "lists the tags"), (leave_garbage, "lists the tags")],
)
def test_what_is_lost_or_left_is_found(world: World, harm: Callable[[Scene], str], said: str) -> None:
    done = after_pushes(world, harm)
    assert said in done.problem
    assert done.actions == 6
    assert done.last[-1].startswith("6 harm: ")
    assert (done.passed, done.exit_code) == (False, exit_codes.MISMATCH)
    assert "after 6 actions with seed harm: " in done.summary


def test_whatever_an_action_raises_is_a_finding(world: World) -> None:
    def fail(_: Scene) -> str:
        raise RuntimeError("the bug")

    assert after_pushes(world, fail).problem == "RuntimeError: the bug"


def test_the_same_seed_chooses_the_same(world: World) -> None:
    ended = list[Rehearsed]()
    for _ in range(2):
        shutil.rmtree(tree_of(world.stack).top, ignore_errors=True)
        ended.append(Rehearsal(world, "same", actions=[PUSH, COLLECT]).run(12))
    first, second = (list(one.last[:12]) for one in ended)
    assert first == second
