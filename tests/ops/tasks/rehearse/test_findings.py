"""That a rehearsal finds what is wrong: a registry is harmed behind its back, and it says how. And what it was wrong about."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from random import Random

import pytest

from ops.core import exit_codes
from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from ops.stack.places import tree_of
from ops.tasks.rehearse.actions import ACTIONS, Action
from ops.tasks.rehearse.engine import Rehearsal, Rehearsed
from ops.tasks.rehearse.images import Image
from ops.tasks.rehearse.model import Model
from ops.tasks.rehearse.scene import Scene
from ops.tasks.rehearse.tasks import collect, snapshot
from ops.tasks.rehearse.undoing import back
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


def story(world: World) -> Scene:
    """A scene of somebody who decides by themselves what is done."""
    return Scene(world, Model(), "story", Random("story"))  # noqa: S311  # no secret


def pushed(scene: Scene, tag: str, image: Image) -> None:
    scene.expect(scene.client.push("app", tag, image), 201)
    scene.model.pushed("app", image.digest, tag)


def test_a_tag_is_restored_without_what_it_is_about(world: World) -> None:
    """Seed long-030516-8: a tagged signature whose image was deleted after the snapshot."""
    scene = story(world)
    model, client, image = scene.model, scene.client, scene.image()
    pushed(scene, "v1", image)
    pushed(scene, "signature", scene.image(image))
    snapshot(scene)
    (name,) = model.snapshots
    scene.expect(client.delete("app", image.digest), 202)
    model.deleted("app", image.digest)
    scene.expect(client.delete("app", "signature"), 202)
    model.untagged("app", "signature")
    collect(scene)
    report = restore(world.live(), name, RestoreScope("app", "signature", overwrite=True))
    back(scene, model.snapshots[name], report, "app", "signature")
    scene.check()
    assert client.digest("app", "signature")


def test_a_tag_that_was_half_pushed_may_be_listed_until_a_collection(world: World) -> None:
    """Seeds m1 and mirror, in a container: the registry was killed after it had written the history of a new tag."""
    scene = story(world)
    pushed(scene, "whole", scene.image())
    half = scene.image()
    scene.expect(scene.client.push("app", "half", half), 201)
    shutil.rmtree(tree_of(world.stack).tag("app", "half").parent)
    assert scene.settle("app", "half", half.digest) == "it did not come in"
    assert scene.client.tags("app") == ["half", "whole"]
    scene.check()
    collect(scene)
    scene.check()
    assert scene.client.tags("app") == ["whole"]
