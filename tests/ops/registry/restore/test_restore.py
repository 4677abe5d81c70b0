"""Restoring on a real registry: after a collection, a delete, an overwrite, and after being killed at any step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ops.core import exit_codes
from ops.registry.cache import RedisCache
from ops.registry.holds import Hold
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.restore.model import RestoreError, RestoreScope
from ops.registry.restore.plan import plan, resolved
from ops.registry.restore.run import restore
from ops.registry.snapshots.store import SnapshotState
from ops.registry.snapshots.trash import SnapshotError
from ops.registry.tree import path_of
from tests.ops.tasks.gc.gc_rig import Image, Rig, digest_of, running
from tests.ops.tasks.gc.test_gc import push_index
from tests.ops.tasks.gc.victim import kill_at

pytestmark = pytest.mark.system

GONE = f"sha256:{'0' * 64}"
OLD, NEW, OTHER = (Image(seed, layers=1) for seed in ("old", "new", "other"))
WHILE_READ_ONLY = ("read-only-on", "drained", "restoring", "restored", "flushed")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("registry")) as rig:
        yield rig


@pytest.fixture
def collected(rig: Rig) -> str:
    """The snapshot of a collection, before which a tag was moved and another one deleted, and after which one was deleted too."""
    for snapshot in rig.store.all():
        rig.store.remove(snapshot.name)
    client = rig.client
    for tag, image in {"moved": OLD, "gone": OTHER, "later": NEW}.items():
        assert client.push("team/app", tag, image).status_code == 201
    push_index(client, "team/multi", "v1", Image("amd64", layers=1), Image("arm64", layers=1))
    kept = rig.store.create("test", index_of(listing_of(rig.tree))).name
    assert client.push("team/app", "moved", NEW).status_code == 201
    assert client.delete("team/app", "gone").status_code == 202
    assert client.delete("team/multi", "v1").status_code == 202
    rig.collection().run()
    assert client.delete("team/app", "later").status_code == 202
    return kept


def test_a_tag_comes_back_with_all_that_it_leads_to(rig: Rig, collected: str) -> None:
    assert restore(rig.live(), collected, RestoreScope("team/multi", "v1")).problems == ()
    assert rig.client.pull("team/multi", "v1") == []
    assert rig.client.pull("team/app", "gone") != [], "nothing else comes back"
    assert rig.broken() == []
    assert not rig.read_only_file.exists()


def test_a_tag_is_set_back_only_when_it_is_asked_for_and_can_be_set_forth_again(rig: Rig, collected: str) -> None:
    scope = RestoreScope("team/app", "moved")
    shown = plan(rig.store, rig.store.get(collected), scope)
    assert [(one.repository, one.tag, one.now, one.then) for one in shown.differing] == [
        ("team/app", "moved", NEW.digest, OLD.digest)
    ]
    assert restore(rig.live(), collected, scope).before == ""
    assert rig.tree.tagged("team/app", "moved") == NEW.digest
    report = restore(rig.live(), collected, RestoreScope("team/app", "moved", overwrite=True))
    assert (rig.tree.tagged("team/app", "moved"), report.problems) == (OLD.digest, ())
    assert rig.client.pull("team/app", "moved") == []
    restore(rig.live(), report.before, RestoreScope("team/app", "moved", overwrite=True))
    assert rig.tree.tagged("team/app", "moved") == NEW.digest
    assert rig.broken() == []


@pytest.mark.parametrize(("tag", "expect"), [("moved", OLD.digest), ("moved", "nothing"), ("gone", OTHER.digest)])
def test_a_tag_that_is_not_what_was_seen_stays(rig: Rig, collected: str, tag: str, expect: str) -> None:
    scope = RestoreScope("team/app", tag, overwrite=True, expect=expect)
    with pytest.raises(RestoreError, match="look at the plan again"):
        plan(rig.store, rig.store.get(collected), scope)
    with pytest.raises(RestoreError, match="look at the plan again"):
        restore(rig.live(), collected, scope)
    assert rig.tree.tagged("team/app", "moved") == NEW.digest


@pytest.mark.parametrize(("tag", "expect"), [("moved", NEW.digest), ("gone", "nothing")])
def test_a_tag_that_is_what_was_seen_comes_back(rig: Rig, collected: str, tag: str, expect: str) -> None:
    assert restore(rig.live(), collected, RestoreScope("team/app", tag, overwrite=True, expect=expect)).problems == ()
    assert rig.client.pull("team/app", tag) == []
    assert rig.tree.tagged("team/app", tag) != expect


def test_only_of_a_tag_something_can_be_expected() -> None:
    with pytest.raises(RestoreError, match="name one, as REPOSITORY:TAG"):
        RestoreScope.of("team/app", expect="nothing")


def test_a_repository_comes_back_and_others_stay_as_they_are(rig: Rig, collected: str) -> None:
    report = restore(rig.live(), collected, RestoreScope("team/app"))
    assert report.plan.tags == ("team/app:gone", "team/app:later")
    assert rig.client.pull("team/app", "gone") == rig.client.pull("team/app", "later") == []
    assert rig.tree.tag_names("team/multi") == []
    assert rig.broken() == []


def test_what_the_collector_removed_comes_back_and_nothing_else(rig: Rig, collected: str) -> None:
    removed = rig.store.all()[-1]
    assert removed.name != collected
    report = restore(rig.live(), removed.name, RestoreScope(only_removed=True))
    assert report.restored == len(removed.removed())
    assert rig.client.pull("team/app", OTHER.digest) == []
    assert rig.tree.tag_names("team/app") == ["moved"]


def test_the_history_of_a_tag_that_was_deleted_does_not_come_back_without_it(rig: Rig, collected: str) -> None:
    assert collected
    assert rig.client.delete("team/app", "moved").status_code == 202
    restore(rig.live(), "latest", RestoreScope.of(""))
    assert rig.client.pull("team/app", OLD.digest) == [], "what the collector removed is back"
    listed = rig.client.ask("GET", "/v2/team/app/tags/list").json()["tags"]
    assert not listed, "the registry lists a tag that has a history and no image"
    assert plan(rig.store, rig.store.all()[-1], RestoreScope.of("")).missing == 0


def test_everything_comes_back(rig: Rig, collected: str) -> None:
    restore(rig.live(), collected, RestoreScope(overwrite=True))
    index = rig.store.get(collected).index()
    entries = [entry for name, one in index.items() for entry in one.entries(name)]
    assert len(entries) > 20
    assert all((rig.tree.top / path_of(entry)).read_text() == entry.digest for entry in entries)
    assert rig.broken() == []
    again = restore(rig.live(), collected, RestoreScope(overwrite=True))
    assert (again.restored, again.plan.missing, again.before) == (0, 0, "")


@pytest.mark.parametrize("step", ["planned", "copied", *WHILE_READ_ONLY, "read-only-off"])
def test_the_next_run_completes_what_was_killed(rig: Rig, collected: str, step: str) -> None:
    kill_at(step, rig.folder, "restore", snapshot=collected)
    assert rig.broken() == []
    assert rig.read_only_file.exists() == (step in WHILE_READ_ONLY)
    told: list[Sequence[Sequence[str]]] = []
    restore(rig.live(cache=RedisCache(told.append)), collected, RestoreScope(overwrite=True))
    assert [["FLUSHDB"]] in told
    assert all(rig.client.pull("team/app", tag) == [] for tag in ("moved", "gone", "later"))
    assert rig.tree.tagged("team/app", "moved") == OLD.digest
    assert rig.broken() == []
    assert not rig.read_only_file.exists()


def test_a_tag_that_is_pushed_meanwhile_is_not_set_back(rig: Rig, collected: str) -> None:
    def meanwhile(step: str) -> None:
        if step == "copied":
            assert rig.client.push("team/app", "moved", Image("newest", layers=1)).status_code == 201

    with pytest.raises(RestoreError, match="team/app:moved was pushed in the meantime"):
        restore(rig.live(step=meanwhile), collected, RestoreScope("team/app", "moved", overwrite=True))
    assert rig.tree.tagged("team/app", "moved") == Image("newest", layers=1).digest
    assert not rig.read_only_file.exists()


def test_who_may_not_hold_writes_for_so_long_changes_nothing(rig: Rig, collected: str) -> None:
    class TooLongError(Exception):
        """Says that it is too long."""

    asked: list[int] = []

    def may_hold(files: int) -> None:
        asked.append(files)
        raise TooLongError

    before, scope = [one.name for one in rig.store.all()], RestoreScope("team/app", "moved", overwrite=True)
    with pytest.raises(TooLongError):
        restore(replace(rig.live(), may_hold=may_hold), collected, scope)
    assert [one.name for one in rig.store.all()] == before
    assert rig.tree.tagged("team/app", "moved") == NEW.digest
    live, noted = rig.live(), list[Hold]()
    live.read_only.note = noted.append
    restore(live, collected, scope)
    assert [(one.by, one.files) for one in noted] == [("restore", asked[0])]


def test_what_a_snapshot_does_not_hold_is_said(rig: Rig, collected: str) -> None:
    asked = {
        "has no none": RestoreScope("none"),
        "has no team/app:none": RestoreScope("team/app", "none"),
        f"has no team/app@{GONE}": RestoreScope("team/app", digest=GONE),
    }
    for says, scope in asked.items():
        with pytest.raises(RestoreError, match=says):
            restore(rig.live(), collected, scope)
    with pytest.raises(SnapshotError, match="no snapshot"):
        restore(rig.live(), "none", RestoreScope())


def test_an_untagged_manifest_comes_back_by_its_digest(rig: Rig, collected: str) -> None:
    assert rig.client.pull("team/app", OLD.digest) != []
    report = restore(rig.live(), collected, RestoreScope.of(f"team/app@{OLD.digest}"))
    assert (report.plan.tags, report.problems) == ((), ())
    assert rig.client.pull("team/app", OLD.digest) == []
    assert rig.client.pull("team/app", "gone") != [], "nothing else comes back"
    assert rig.broken() == []


@pytest.mark.parametrize("name", [":v1", "team/app:", "team/app@", "@sha256:1", f"team/app:v1@{GONE}", "team/app@v1"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RestoreError, match="is not REPOSITORY"):
        RestoreScope.of(name)


def test_the_latest_is_the_one_that_something_was_removed_after(rig: Rig, collected: str) -> None:
    store = rig.store
    (swept,) = [one.name for one in store.all() if one.state == SnapshotState.SWEPT]
    removed = RestoreScope(only_removed=True)
    later = store.create("snapshot", index_of(listing_of(rig.tree))).name
    assert resolved(store, "latest", removed) == swept
    assert resolved(store, "latest", RestoreScope("team/app", "gone")) == collected
    assert resolved(store, "latest", RestoreScope("team/app", "moved")) == collected, "that is when it pointed to something else"
    assert resolved(store, "latest", RestoreScope("team/app", "later")) == swept
    restore(rig.live(), swept, removed)
    with pytest.raises(RestoreError, match="no garbage collection has deleted anything"):
        resolved(store, "latest", removed)
    with pytest.raises(RestoreError, match="no snapshot has team/none"):
        resolved(store, "latest", RestoreScope("team/none"))
    assert resolved(store, later, removed) == later


def test_the_latest_may_have_been_made_by_hard_links(tmp_path: Path) -> None:
    """The first task after an update turns such snapshots into new ones, before it looks for the latest."""
    with running(tmp_path) as rig:
        assert rig.client.push("app", "v1", OLD).status_code == 201
        folder = rig.store.folder / "20261101T000000.000000Z-gc"
        shutil.copytree(rig.tree.root, folder / "tree")
        document = {"schema": 1, "made_at": "2026-11-01T00:00:00+00:00", "why": "gc", "image": "", "state": "swept"}
        (folder / "snapshot.json").write_text(json.dumps(document))
        (folder / "removed.txt").write_text("".join(f"{path}\n" for path in rig.tree.files()))
        shutil.rmtree(rig.tree.top)
        report = restore(rig.live(), "latest", RestoreScope(only_removed=True))
        assert (report.plan.snapshot, report.plan.tags) == (folder.name, ("app:v1",))
        assert rig.client.pull("app", "v1") == []


def test_an_image_that_needs_a_blob_which_is_nowhere_is_named_and_the_rest_comes_back(rig: Rig, collected: str) -> None:
    lost = rig.store.blob(digest_of(OTHER.blobs[1]))
    assert "trash" in lost.parts
    lost.unlink()
    report = restore(rig.live(), collected, RestoreScope("team/app"))
    assert report.plan.incomplete == ("team/app:gone", f"team/app@{OTHER.digest}")
    assert report.plan.tags == ("team/app:later",)
    assert report.exit_code == exit_codes.WARNINGS
    assert rig.client.pull("team/app", "later") == []
    assert rig.broken() == []


def test_a_tag_that_the_snapshot_does_not_hold_whole_is_refused(rig: Rig, collected: str) -> None:
    rig.store.blob(OLD.digest).unlink()
    with pytest.raises(RestoreError, match="only parts of team/app:moved"):
        restore(rig.live(), collected, RestoreScope("team/app", "moved", overwrite=True))
