"""Snapshots of a tree laid out by hand: whole or not at all, listed, expired, and why they may fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.core.locks import LockedError
from ops.core.process import run
from ops.registry.snapshots.hardlinks import NoSpaceError, SnapshotError
from ops.registry.snapshots.store import SnapshotState, SnapshotStore
from ops.registry.tree import RegistryTree

DIGEST = f"sha256:{'a1' * 32}"
FOLDER = DIGEST.replace(":", "/")


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


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    tree = RegistryTree(tmp_path / "registry")
    fill(tree)
    return SnapshotStore(tmp_path / "snapshots", tree, min_free=0)


def test_a_snapshot_has_all_files_but_uploads_and_those_being_written(store: SnapshotStore) -> None:
    made = store.create("gc", image="sha256:abc")
    assert sorted(made.tree.files()) == sorted(
        path for path in store.live.files() if "_uploads" not in path and not path.endswith(".tmp")
    )
    for path in made.tree.files():
        assert (made.tree.top / path).samefile(store.live.top / path)
    (found,) = store.all()
    assert found == made
    assert (found.why, found.image, found.state) == ("gc", "sha256:abc", SnapshotState.KEPT)
    assert abs((datetime.now(UTC) - found.made_at).total_seconds()) < 60
    assert not list((made.tree.repository("team/app") / "_manifests/revisions/sha256").glob("b2*")), "an empty folder is no link"


def test_what_is_written_later_does_not_change_a_snapshot(store: SnapshotStore) -> None:
    made = store.create("gc")
    link = store.live.tag("team/app", "v1")
    beside = link.with_name("link.1.tmp")  # as the registry does it
    beside.write_text(f"sha256:{'c3' * 32}")
    beside.rename(link)
    store.live.blob(DIGEST).unlink()
    assert made.tree.tagged("team/app", "v1") == DIGEST
    assert made.tree.blob(DIGEST).read_text() == "x" * 10_000


def test_space_is_counted_that_only_snapshots_hold(store: SnapshotStore) -> None:
    first, second = store.create("gc"), store.create("gc")
    assert store.space().total == 0
    store.live.blob(DIGEST).unlink()
    assert store.space().total == 12_288
    assert store.space().alone == {first.name: 0, second.name: 0}
    store.remove(first.name)
    assert store.space().alone == {second.name: 12_288}


def test_snapshots_age_out_by_number_and_by_age_but_not_one_that_is_needed(store: SnapshotStore) -> None:
    old, middle, new = (store.create("gc") for _ in range(3))
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
    kept = store.create("gc")
    with store.locked("gc"):
        assert sorted(path.name for path in store.folder.iterdir()) == [".lock", kept.name]


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.EMLINK, SnapshotError, "as many hard links as its file system allows"),
        (errno.ENOSPC, NoSpaceError, "no space or inodes are left"),
        (errno.EPERM, SnapshotError, "run this as root"),
    ],
)
def test_why_a_link_fails_is_said_and_nothing_is_left(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SnapshotError], says: str
) -> None:
    def refuse(source: str, target: str, **_: object) -> None:
        raise OSError(number, os.strerror(number), source, None, target)

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(kind, match=says):
        store.create("gc")
    assert list(store.folder.iterdir()) == []


def test_a_damaged_or_unknown_snapshot_is_named(store: SnapshotStore) -> None:
    made = store.create("gc")
    (made.folder / "snapshot.json").write_text("{}")
    with pytest.raises(SnapshotError, match="is damaged"):
        store.all()
    (made.folder / "snapshot.json").write_text('{"schema": 99}')
    with pytest.raises(SnapshotError, match="later version"):
        store.all()
    with pytest.raises(SnapshotError, match="no snapshot 'none'"):
        store.get("none")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with few inodes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=90", "none", str(folder)]
    if os.geteuid() or run(words, timeout=10, check=False).returncode:
        pytest.skip("this machine mounts nothing")
    yield folder
    run(["umount", folder], timeout=10)


def test_a_disk_without_inodes_is_told_and_left_as_it_was(small_disk: Path) -> None:
    tree = RegistryTree(small_disk / "registry")
    fill(tree, size=10)
    store = SnapshotStore(small_disk / "snapshots", tree, min_free=0)
    before = os.statvfs(small_disk).f_ffree
    store.create("gc")
    with pytest.raises(NoSpaceError, match="delete old snapshots"):
        store.create("gc")
    assert len(store.all()) == 1
    store.remove(store.all()[0].name)
    assert before - os.statvfs(small_disk).f_ffree == 1, "the folder of snapshots"
    with pytest.raises(NoSpaceError, match=r"of its inodes free, and needs 90.0%"):
        replace(store, min_free=0.9).create("gc")


def test_another_file_system_is_told(small_disk: Path, store: SnapshotStore) -> None:
    with pytest.raises(SnapshotError, match=r"is on another file system than .*; move it"):
        replace(store, folder=small_disk / "snapshots").create("gc")
    assert list((small_disk / "snapshots").iterdir()) == []
