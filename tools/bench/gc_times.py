"""What garbage collection costs: marking against the registry's own collector, how long writes are held, snapshots."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from ops.registry.cache import NoCache
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits
from tests.ops.tasks.gc.registry_collector import collect
from tests.ops.tasks.gc.trees import lay_out_images
from tests.real_programs import registry_binary
from tools.bench.memory import peak_kib
from tools.bench.report import Row

TITLE = "Garbage collection, every third image deleted"
_GC_SIZES = (10_000, 100_000)
_SNAPSHOT_SIZE = 60_000
_LIMIT_S = 3600
_MEMORY = Path("/dev/shm")  # noqa: S108  # a file system without a disk


def measure(folder: Path) -> list[Row]:
    """Collect garbage of trees of several sizes, and take snapshots. Every third image has no tag any more.

    Args:
        folder: Where trees are laid out.
    """
    return [
        *(row for blobs in _GC_SIZES for row in _collections(folder, blobs)),
        *_in_memory(),
        *_snapshots(folder, _SNAPSHOT_SIZE),
    ]


def _collections(folder: Path, blobs: int) -> list[Row]:
    tree = _laid_out(folder, blobs)
    listing_of(tree)  # neither may have to wait for the disk
    start = time.perf_counter()
    collect(registry_binary(), tree, dry_run=True)
    collector_s = time.perf_counter() - start
    ours = collected(folder)
    assert ours["removed"] >= blobs // 4, ours  # noqa: S101  # else this measures nothing
    mark_s = ours["seconds"]["list"] + ours["seconds"]["mark"]
    at = f"{blobs:,} blobs"
    largest = blobs == max(_GC_SIZES)
    held = f"{ours['removed']:,} blobs removed in {ours['slices']} slices, {ours['seconds']['sweep']:.1f} s in all"
    return [
        Row(
            f"the registry's collector marks / ours, {at}",
            f"{collector_s:.1f} / {mark_s:.1f} s",
            "≥ 5" if largest else "",
            collector_s / mark_s,
            "",
        ),
        Row(f"writes are held at most, {at}", held, "≤ 2 s", ours["held_s"], "s"),
        Row(f"memory, {at}", "", "≤ 300 MB" if largest else "", ours["memory_mb"], "MB"),
    ]


def _in_memory() -> list[Row]:
    """Return the rows of the same collections where no disk takes part: what grows by itself, and what the disk adds."""
    if not _MEMORY.is_dir():
        return []
    rows, took = [], {}
    for blobs in _GC_SIZES:
        with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="bench-") as name:
            folder = Path(name) / "gc"
            _laid_out(folder, blobs)
            took[blobs] = float(collected(folder)["seconds"]["sweep"])
        rows.append(Row(f"the same in memory, {blobs:,} blobs", "pauses included, in which writes go on", "", took[blobs], "s"))
    small, large = (took[blobs] / blobs for blobs in _GC_SIZES)
    return [*rows, Row("the larger one against the smaller one, for each blob", "in memory", "≤ 1.3", large / small, "")]


def collected(folder: Path) -> dict[str, Any]:
    """Collect the garbage of `registry` in a folder, in a process of its own; return what it took."""
    words: list[str | Path] = [sys.executable, "-m", "tools.bench.gc_times", folder]
    done: dict[str, Any] = json.loads(run(words, timeout=_LIMIT_S, cwd=PROJECT_FOLDER).stdout)
    return done


def _snapshots(folder: Path, blobs: int) -> list[Row]:
    tree = _laid_out(folder, blobs)
    store = SnapshotStore(folder / "snapshots", tree)
    start = time.perf_counter()
    snapshot = store.create("bench", index_of(listing_of(tree)))
    created_s = time.perf_counter() - start
    size = snapshot.size()
    _collect(folder)
    start = time.perf_counter()
    kept = sum(store.sizes().values())
    listed_s = time.perf_counter() - start
    at = f"{blobs:,} blobs"
    return [
        Row(f"a snapshot is made, {at}", f"{size / 1e6:.1f} MB", "≤ 10 s", created_s, "s"),
        Row(f"snapshots are listed, {at}", f"a third of them in the trash; {kept / 1e6:.1f} MB", "≤ 2 s", listed_s, "s"),
    ]


def _collect(folder: Path) -> dict[str, Any]:
    """Collect a tree that was laid out; return what it took."""
    tree = RegistryTree(folder / "registry")
    live = LiveRegistry(
        tree, SnapshotStore(folder / "snapshots", tree), ReadOnlyMode(folder / "gate/read-only"), WritesInFlight, NoCache()
    )
    limits = SafetyLimits(max_share=1, max_backup_age_s=None)
    began = time.perf_counter()
    report = GarbageCollection(live, Rules(min_age_s=0), limits).run()
    return {
        "whole_s": time.perf_counter() - began,
        "removed": report.removed_blobs,
        "held_s": report.held_s,
        "slices": report.slices,
        "seconds": report.seconds,
        "memory_mb": peak_kib() * 1024 / 1e6,
    }


def _laid_out(folder: Path, blobs: int) -> RegistryTree:
    """Lay out a tree in an empty folder."""
    tree = RegistryTree(folder / "registry")
    if folder.exists():
        shutil.rmtree(folder)
    lay_out_images(tree, blobs)
    return tree


if __name__ == "__main__":
    print(json.dumps(_collect(Path(sys.argv[1]))))
