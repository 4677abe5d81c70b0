"""A sweep in slices: uploads that do not end, writes that never stop, blobs that are needed after all, a full disk."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.core import exit_codes
from ops.core.process import run
from ops.registry.cache import NoCache
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, ReadOnlyModeBusyError, WritesInFlight
from ops.registry.snapshots.store import SnapshotState, SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.gc import collection as collecting
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.run import Collected
from tests.mounts import mounted
from tests.ops.tasks.gc.gc_rig import ALL, NO_BACKUP, Image, Rig, digest_of, running
from tests.ops.tasks.gc.trees import lay_out_images


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as rig:
        assert rig.client.push("app", "kept", Image("kept")).status_code == 201
        assert rig.client.push("app", "gone", Image("gone")).status_code == 201
        assert rig.client.delete("app", Image("gone").digest).status_code == 202
        yield rig


@pytest.mark.system
def test_an_upload_that_does_not_end_starves_no_collection_and_is_not_harmed(rig: Rig) -> None:
    content = os.urandom(1_000_000)
    started = rig.client.ask("POST", "/v2/app/blobs/uploads/")
    url = rig.client.url.removeprefix("http://")
    held = http.client.HTTPConnection(url, timeout=30)
    held.putrequest("PATCH", started.headers["location"])
    held.putheader("Content-Length", str(len(content)))
    held.putheader("Content-Type", "application/octet-stream")
    held.endheaders(content[:300_000])
    while not rig.in_flight().uploads:
        pass
    report = rig.collection().run()
    assert (report.removed_blobs, report.problems) == (5, ())
    held.send(content[300_000:])
    answer = held.getresponse()
    assert answer.status == 202
    location, digest = answer.headers["location"], digest_of(content)
    held.close()
    assert rig.client.ask("PUT", f"{location}&digest={digest}").status_code == 201
    assert rig.client.ask("GET", f"/v2/app/blobs/{digest}").content == content


@pytest.mark.system
def test_an_upload_that_ends_after_the_last_look_gets_its_blob_back_from_the_trash(rig: Rig) -> None:
    """The registry looks whether it has the blob, and then links it: in between, the whole collection may pass."""
    rig.collection().run()
    layer = digest_of(Image("gone").blobs[1])
    link = rig.tree.layer("app", layer)
    link.parent.mkdir()
    link.write_text(layer)
    assert not rig.tree.blob(layer).exists()
    rig.collection(rules=replace(ALL, min_age_s=60)).run()
    assert rig.client.ask("GET", f"/v2/app/blobs/{layer}").content == Image("gone").blobs[1]


def garbage_in(folder: Path, blobs: int = 1_000) -> LiveRegistry:
    tree = RegistryTree(folder / "registry")
    lay_out_images(tree, blobs)
    return LiveRegistry(tree, SnapshotStore(folder / "snapshots", tree), ReadOnlyMode(folder / "gate"), WritesInFlight, NoCache())


def collected(live: LiveRegistry, *, keep_snapshot: bool = True) -> GarbageCollection:
    return GarbageCollection(live, ALL, NO_BACKUP, keep_snapshot=keep_snapshot)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "_DRAIN_S", 0.15)
    monkeypatch.setattr(collecting, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(collecting, "_HELD_S", 0.0)
    monkeypatch.setattr(collecting, "_LEAST_S", 0.01)


@pytest.mark.usefixtures("impatient")
def test_when_writes_never_stop_nothing_is_removed_and_that_is_said(tmp_path: Path) -> None:
    live = replace(garbage_in(tmp_path), writes_in_flight=lambda: WritesInFlight(short=1))
    before = sorted(live.tree.files())
    with pytest.raises(ReadOnlyModeBusyError, match="writes are still in progress"):
        collected(live).run()
    assert sorted(live.tree.files()) == before
    assert live.store.all() == []
    assert not live.read_only.file.exists()


@pytest.mark.usefixtures("impatient")
def test_when_writes_no_longer_stop_the_next_collection_does_the_rest(tmp_path: Path) -> None:
    live = garbage_in(tmp_path)
    # Two looks for each slice.
    looks = iter([WritesInFlight()] * 4)
    busy = replace(live, writes_in_flight=lambda: next(looks, WritesInFlight(short=1)))
    report = collected(busy).run()
    assert report.left > 0
    assert report.slices > 2, "it has tried"
    outcome = Collected(report, [], 0).outcome
    assert outcome.exit_code == exit_codes.WARNINGS
    assert "left for the next collection" in outcome.summary
    (snapshot,) = live.store.all()
    assert snapshot.state == SnapshotState.SWEPT
    rest = collected(live).run()
    assert report.removed_blobs + rest.removed_blobs == report.plan.blobs
    assert collected(live).plan().blobs == 0


def test_a_layer_that_a_client_was_told_of_stays(tmp_path: Path) -> None:
    live = garbage_in(tmp_path)
    unused = digest_of(b"0 3")
    asked = replace(live, asked_for=lambda: {unused})
    report = collected(asked).run()
    assert report.removed_blobs > 0
    assert live.tree.blob(unused).exists()
    assert live.tree.layer("bench/0", unused).exists(), "a push relies on the link"
    assert not live.tree.blob(digest_of(b"0 4")).exists()


def test_a_manifest_that_was_pulled_by_digest_stays_whole(tmp_path: Path) -> None:
    live = garbage_in(tmp_path)
    everything = collected(live).plan()
    unused = next(one for one in everything.repositories if one.name == "bench/0")
    pinned = max(live.tree.repository("bench/0").glob("_manifests/revisions/sha256/*/link"))
    digests = [
        f"sha256:{path.parent.name}" for path in live.tree.repository("bench/0").glob("_manifests/revisions/sha256/*/link")
    ]
    rules = replace(ALL, pulled={("bench/0", digest) for digest in digests})
    kept = replace(collected(live), rules=rules).plan()
    assert pinned.exists()
    assert unused.manifests > 0
    assert "bench/0" not in [one.name for one in kept.repositories]
    assert kept.kept_by_rule > 0


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own on which nothing is free but what root may use, as on a server's disk."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(96 * 2**20)
    run(["mkfs.ext4", "-q", "-m", "0", "-N", "20000", image], timeout=60, check=False)
    with mounted(tmp_path / "disk", "-o", "loop", image) as folder:
        yield folder


def fill_up(disk: Path) -> None:
    for size in (2**20, 4096, 1):
        with (disk / f"filled-{size}").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@pytest.mark.system
def test_a_full_disk_gets_room_again(full_disk: Path) -> None:
    live = garbage_in(full_disk)
    live.store.folder.mkdir()
    live.store.ballast.file.write_bytes(b"x" * 2**20)
    fill_up(full_disk)
    before = os.statvfs(full_disk).f_bavail
    report = collected(live, keep_snapshot=False).run()
    assert report.removed_blobs > 100
    assert os.statvfs(full_disk).f_bavail > before + 100, "each blob takes up a block"
    assert live.store.all() == []
    assert collected(live).plan().blobs == 0
