"""Snapshots of a tree laid out by hand: whole or not at all, listed, expired, on a full disk, and as they were made before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.core.locks import LockedError
from ops.registry.index import RepositoryIndex, index_of, read_index, tags_in
from ops.registry.listing import listing_of
from ops.registry.snapshots.recovery import heal, put_back
from ops.registry.snapshots.removed import Removed
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.snapshots.trash import NoSpaceError, SnapshotError, remove
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from tests import mounts

DIGEST = f"sha256:{'a1' * 32}"
FOLDER = DIGEST.replace(":", "/")
KEPT = f"sha256:{'c3' * 32}"
BLOB = Entry(Kind.BLOB, DIGEST)
IMAGE = (
    Entry(Kind.LAYER, DIGEST, "team/app"),
    Entry(Kind.REVISION, DIGEST, "team/app"),
    Entry(Kind.TAG, DIGEST, "team/app", "v1"),
)


def fill(tree: RegistryTree, *, size: int = 10_000) -> None:
    """Lay out an image, an upload and files that are being written."""
    files = {
        tree.tag("team/app", "v1"): DIGEST,
        tree.tag("team/app", "v1").parent.parent / "index" / FOLDER / "link": DIGEST,
        tree.revision("team/app", DIGEST): DIGEST,
        tree.layer("team/app", DIGEST): DIGEST,
        tree.blob(DIGEST): "x" * size,
        tree.repository("team/app") / "_uploads" / "id" / "data": "part",
        tree.tag("team/app", "v1").with_name("link.0815.tmp"): "part",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tree.repository("team/app") / "_manifests/revisions/sha256" / ("b2" * 32)).mkdir()


def made(store: SnapshotStore, why: str = "gc") -> Snapshot:
    return store.create(why, index_of(listing_of(store.live)), image="sha256:abc")


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    tree = RegistryTree(tmp_path / "registry")
    fill(tree)
    return SnapshotStore(tmp_path / "snapshots", tree)


def test_a_snapshot_says_how_much_there_was_and_how_much_was_removed(store: SnapshotStore) -> None:
    snapshot = made(store)
    assert store.get(snapshot.name).counts == {"repositories": 1, "tags": 1}
    snapshot.note_removed([Removed(BLOB, ""), *(Removed(one, DIGEST) for one in IMAGE)]).become(SnapshotState.SWEPT)
    assert store.get(snapshot.name).counts == {"repositories": 1, "tags": 1, "removed_tags": 1, "removed_blobs": 1}
    assert dict(tags_in(snapshot.index_file)) == {"team/app": {"v1": DIGEST}}


def test_a_snapshot_comes_after_all_others_when_the_clock_was_set_back(store: SnapshotStore) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y%m%dT%H%M%S.%fZ-gc")
    made(store).folder.rename(store.folder / ahead)
    names = [ahead, *(made(store, why).name for why in ("snapshot", "another"))]
    assert [one.name for one in store.all()] == names
    assert store.drop_expired(keep=2, max_age=timedelta(days=1)) == [ahead]


def test_a_snapshot_has_all_links_but_uploads_and_those_being_written(store: SnapshotStore) -> None:
    snapshot = made(store)
    assert snapshot.index() == {
        "team/app": RepositoryIndex(tags={"v1": DIGEST}, histories={"v1": [DIGEST]}, revisions=[DIGEST], layers=[DIGEST])
    }
    (found,) = store.all()
    assert found == snapshot
    assert (found.why, found.image, found.state) == ("gc", "sha256:abc", SnapshotState.KEPT)
    assert abs((datetime.now(UTC) - found.made_at).total_seconds()) < 60
    assert found.size() < 16_384


def test_what_is_removed_takes_space_until_it_is_put_back_or_its_snapshot_deleted(store: SnapshotStore) -> None:
    snapshot = made(store)
    before = snapshot.size()
    assert remove(store.live, BLOB, snapshot.trash)
    assert not remove(store.live, BLOB, snapshot.trash)
    assert not store.live.blob(DIGEST).parent.exists()
    assert snapshot.size() - before == 12_288
    assert store.blob(DIGEST) == snapshot.trash.file(DIGEST)
    assert put_back(store, [Removed(BLOB, "")]) == 1
    assert snapshot.size() == before
    assert store.blob(DIGEST) == store.live.blob(DIGEST)
    assert store.live.blob(DIGEST).read_text() == "x" * 10_000
    remove(store.live, BLOB, snapshot.trash)
    store.remove(snapshot.name)
    assert not store.blob(DIGEST).exists()


def test_links_are_written_again_as_the_registry_writes_them(store: SnapshotStore) -> None:
    before = {path: (store.live.top / path).read_text() for path in store.live.files()}
    history = Entry(Kind.TAG_HISTORY, DIGEST, "team/app", "v1")
    trash = made(store).trash
    for entry in IMAGE:
        remove(store.live, entry, trash)
    assert not store.live.tag_folder("team/app", "v1").exists(), "the registry lists a tag as long as its folder exists"
    assert put_back(store, [Removed(entry, DIGEST) for entry in (*IMAGE[:2], history, IMAGE[2])]) == 4
    after = {path: (store.live.top / path).read_text() for path in store.live.files()}
    assert {path for path in before if not path.endswith(".tmp")} == set(after)
    assert all(before[path] == after[path] for path in after)


def test_a_blob_that_something_needs_after_all_comes_back_from_the_trash(store: SnapshotStore) -> None:
    snapshot = made(store)
    remove(store.live, BLOB, snapshot.trash)
    assert heal(store, listing_of(store.live)) == [DIGEST]
    assert heal(store, listing_of(store.live)) == []
    assert store.live.blob(DIGEST).exists()


def test_snapshots_age_out_by_number_and_by_age_but_not_one_that_is_needed(store: SnapshotStore) -> None:
    old, middle, new = (made(store) for _ in range(3))
    assert store.expired(keep=2, max_age=timedelta(days=1)) == [old]
    assert store.expired(keep=9, max_age=timedelta(days=1)) == []
    later = datetime.now(UTC) + timedelta(days=2)
    assert store.expired(keep=9, max_age=timedelta(days=1), now=later) == [old, middle, new]
    needed = old.become(SnapshotState.SWEEPING)
    assert store.expired(keep=0, max_age=timedelta()) == [middle, new]
    with pytest.raises(SnapshotError, match="still needed"):
        store.remove(needed.name)


def test_one_task_at_a_time_and_what_a_killed_one_left_is_removed(store: SnapshotStore) -> None:
    with (
        store.locked("backup"),
        pytest.raises(LockedError, match=r"backup \(process \d+\) has been running since"),
        store.locked("gc"),
    ):
        pass
    (store.folder / ".20260101T000000Z-gc.partial" / "tree").mkdir(parents=True)
    kept = made(store)
    with store.locked("gc"):
        assert {path.name for path in store.folder.iterdir()} - {".ballast"} == {".lock", kept.name}


def test_a_damaged_or_unknown_snapshot_is_named(store: SnapshotStore) -> None:
    snapshot = made(store)
    (snapshot.folder / "snapshot.json").write_text("{}")
    with pytest.raises(SnapshotError, match="is damaged"):
        store.all()
    (snapshot.folder / "snapshot.json").write_text('{"schema": 99}')
    with pytest.raises(SnapshotError, match="later version"):
        store.all()
    for name in ("none", "", "..", ".", snapshot.name + "/"):
        with pytest.raises(SnapshotError, match=f"no snapshot '{name}'"):
            store.get(name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small and with few inodes."""
    with mounts.small_disk(tmp_path / "disk", size="20m", inodes=60) as folder:
        yield folder


def on(disk: Path) -> SnapshotStore:
    tree = RegistryTree(disk / "registry")
    fill(tree)
    return SnapshotStore(disk / "snapshots", tree)


def fill_up(disk: Path) -> None:
    free = os.statvfs(disk)
    (disk / "other").write_bytes(b"x" * free.f_bavail * free.f_frsize)


def test_a_disk_without_space_is_told_and_left_as_it_was(small_disk: Path) -> None:
    store = on(small_disk)
    fill_up(small_disk)
    with pytest.raises(NoSpaceError, match="regops snapshot delete"):
        made(store)
    assert list(store.folder.iterdir()) == []


def test_a_disk_without_inodes_is_told_and_left_as_it_was(small_disk: Path) -> None:
    store = on(small_disk)
    made(store)
    for number in range(os.statvfs(small_disk).f_ffree - 1):
        (small_disk / f"file {number}").touch()
    with pytest.raises(NoSpaceError, match="no space or inodes are left"):
        made(store)
    assert len(store.all()) == 1


def test_a_full_disk_has_room_for_a_record_since_some_is_set_aside(small_disk: Path) -> None:
    store = on(small_disk)
    store.folder.mkdir()
    store.ballast.file.write_bytes(b"x" * 2**20)
    fill_up(small_disk)
    with store.locked("gc"):
        snapshot = made(store)
        assert not store.ballast.file.exists()
    assert remove(store.live, BLOB, snapshot.trash)
    store.remove(snapshot.name)
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize > 2**20


def test_room_is_set_aside_where_there_is_plenty(store: SnapshotStore) -> None:
    with store.locked("gc"):
        pass
    assert store.ballast.file.stat().st_blocks * 512 >= 16 * 2**20


def test_another_file_system_is_told(small_disk: Path, store: SnapshotStore) -> None:
    with (
        pytest.raises(SnapshotError, match=r"is on another file system than .*; move it"),
        replace(store, folder=small_disk / "snapshots").locked("gc"),
    ):
        pass


def test_a_snapshot_made_by_hard_links_is_turned_into_one_of_today(store: SnapshotStore) -> None:
    """Until 2026 a snapshot was a copy of the whole tree, and a list of what had been removed."""
    folder = store.folder / "20261101T000000.000000Z-gc"
    former = RegistryTree(folder / "tree")
    for path in [path for path in store.live.files() if "_uploads" not in path and not path.endswith(".tmp")]:
        target = former.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(store.live.top / path)
    document = {"schema": 1, "made_at": "2026-11-01T00:00:00+00:00", "why": "gc", "image": "", "state": "swept"}
    (folder / "snapshot.json").write_text(json.dumps(document))
    paths = [path_of(entry) for entry in (BLOB, *IMAGE)]
    (folder / "removed.txt").write_text("".join(f"{path}\n" for path in paths))
    index = index_of(listing_of(store.live))
    there = store.live.blob(KEPT)
    for tree in (store.live, former):
        tree.blob(KEPT).parent.mkdir(parents=True)
        tree.blob(KEPT).write_text("still there")
    for path in paths:
        (store.live.top / path).unlink()
    with store.locked("snapshot"):
        (snapshot,) = store.all()
    assert (snapshot.index(), snapshot.state) == (index, SnapshotState.SWEPT)
    assert snapshot.removed() == [Removed(BLOB, ""), *(Removed(entry, DIGEST) for entry in IMAGE)]
    assert store.blob(DIGEST).read_text() == "x" * 10_000
    assert (store.blob(KEPT), snapshot.trash.file(KEPT).exists()) == (there, False)
    assert sorted(path.name for path in folder.iterdir()) == ["index.jsonl.gz", "removed.jsonl.gz", "snapshot.json", "trash"]
    assert put_back(store, snapshot.removed()) == 4
    assert read_index(folder / "index.jsonl.gz") == index
