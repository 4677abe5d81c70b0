"""A collection that is killed at any step: images stay whole, read-only mode expires in time, the next run completes it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ops.registry.cache import RedisCache
from ops.registry.read_only import holder_of
from ops.registry.snapshots.store import SnapshotState
from tests.ops.tasks.gc.gc_rig import Image, Rig, running
from tests.ops.tasks.gc.victim import kill_at

pytestmark = pytest.mark.system

WHILE_READ_ONLY = ("read-only-on", "drained", "sweeping", "swept", "flushed")
STEPS = ("listed", "marked", "noted", *WHILE_READ_ONLY, "read-only-off", "done", "verified")
KEPT, GONE = Image("kept", layers=1), Image("gone", layers=1)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("registry")) as rig:
        assert rig.client.push("app", "kept", KEPT).status_code == 201
        yield rig


@pytest.fixture
def garbage(rig: Rig) -> None:
    for snapshot in rig.store.all():
        rig.store.remove(snapshot.name)
    assert rig.client.push("app", "gone", GONE).status_code == 201
    assert rig.client.delete("app", GONE.digest).status_code == 202


@pytest.mark.usefixtures("garbage")
@pytest.mark.parametrize("step", STEPS)
def test_the_next_run_completes_what_was_killed(rig: Rig, step: str) -> None:
    kill_at(step, rig.folder, "gc")
    assert rig.client.pull("app", "kept") == []
    assert rig.read_only_file.exists() == (step in WHILE_READ_ONLY)
    if rig.read_only_file.exists():
        until = int(rig.read_only_file.read_text().partition(" ")[0])
        assert time.time() < until <= time.time() + rig.live().read_only.limit_s
        holder = holder_of(rig.read_only_file)
        assert holder is not None
        assert not holder.lives()
    # What is pushed before the next run may meet half of what it needs.
    pushed = rig.client.push("app", "again", GONE)
    assert pushed.status_code == 201
    report = rig.collection().run()
    assert report.removed_blobs == 0
    assert rig.client.pull("app", "kept") == rig.client.pull("app", "again") == list(report.problems) == []
    assert rig.client.delete("app", GONE.digest).status_code == 202
    assert rig.collection().run().removed_blobs == 3
    assert not rig.read_only_file.exists()
    assert rig.broken() == []
    assert SnapshotState.SWEEPING not in {snapshot.state for snapshot in rig.store.all()}
    assert sorted(path.name for path in rig.store.folder.iterdir() if path.name.startswith(".")) <= [".ballast", ".lock"]


@pytest.mark.usefixtures("garbage")
def test_what_a_killed_run_has_removed_is_put_back_by_the_next(rig: Rig) -> None:
    before = rig.blobs()
    kill_at("swept", rig.folder, "gc")
    assert len(rig.blobs()) == len(before) - 3
    kill_at("listed", rig.folder, "gc")
    assert rig.blobs() == before
    assert [snapshot.state for snapshot in rig.store.all()] == [SnapshotState.ROLLED_BACK]


def test_the_history_of_a_tag_that_is_deleted_before_the_next_run_stays_away(rig: Rig) -> None:
    for image in (GONE, KEPT):
        assert rig.client.push("app", "moved", image).status_code == 201
    kill_at("swept", rig.folder, "gc")
    assert rig.client.delete("app", "moved").status_code == 202
    kill_at("listed", rig.folder, "gc")
    assert "moved" not in rig.client.ask("GET", "/v2/app/tags/list").json()["tags"]
    assert rig.client.pull("app", "kept") == []
    rig.collection().run()


@pytest.mark.usefixtures("garbage")
def test_what_goes_wrong_during_the_sweep_is_put_back_at_once(rig: Rig) -> None:
    before = rig.blobs()

    def unreachable(_: object) -> None:
        raise ConnectionError("the cache does not answer")

    with pytest.raises(ConnectionError):
        rig.collection(cache=RedisCache(unreachable)).run()
    assert rig.blobs() == before
    assert not rig.read_only_file.exists()
    assert rig.collection().run().removed_blobs == 3
