"""For how long garbage collection refuses writes: in two phases, in one phase, and with the registry stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits
from tests.ops.tasks.gc.registry_collector import collect
from tests.real_programs import registry_binary
from tools.bench.report import Row

_SIZES = (1_000, 10_000, 100_000)
_GOAL_AT = 10_000
_LAYERS = 8
_TAGS = 50
_TYPE = "application/vnd.oci.image.manifest.v1+json"


def measure(folder: Path) -> list[Row]:
    """Collect the same garbage in three ways, at several sizes. Every third image has no tag any more.

    Args:
        folder: Where trees are laid out.
    """
    rows: list[Row] = []
    for blobs in _SIZES:
        two = _collect(folder, blobs, one_phase=False)
        one = _collect(folder, blobs, one_phase=True)
        stopped = _stopped(folder, blobs)
        what = f"writes refused, {blobs:,} blobs"
        rows += [
            Row(f"{what}, in two phases", two[1], "≤ 2 s" if blobs == _GOAL_AT else "", two[0], "s"),
            Row(f"{what}, in one phase, read-only throughout", one[1], "", one[0], "s"),
            Row(f"{what}, registry stopped", "pulls fail too", "", stopped, "s"),
        ]
    return rows


def _collect(folder: Path, blobs: int, *, one_phase: bool) -> tuple[float, str]:
    tree = _laid_out(folder, blobs)
    store = SnapshotStore(folder / "snapshots", tree)
    read_only = ReadOnlyMode(folder / "gate/read-only", limit_s=3600)
    live = LiveRegistry(tree, store, read_only, lambda: 0, lambda: None)
    collection = GarbageCollection(
        live,
        Rules(min_age_s=0),
        SafetyLimits(max_share=1, max_backup_age_s=None),
        one_phase=one_phase,
        keep_snapshot=False,
    )
    report = collection.run()
    assert report.removed_blobs >= blobs // 4, report  # noqa: S101  # else this measures nothing
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.seconds.items() if name != "refused")
    return report.refused_s, f"{report.removed_blobs:,} blobs removed; {phases}"


def _stopped(folder: Path, blobs: int) -> float:
    tree = _laid_out(folder, blobs)
    start = time.perf_counter()
    collect(registry_binary(), tree)
    return time.perf_counter() - start


def _laid_out(folder: Path, blobs: int) -> RegistryTree:
    """Lay out a tree as pushes and deletes leave it."""
    tree = RegistryTree(folder / "registry")
    if tree.root.exists():
        shutil.rmtree(tree.root)
    for number in range(blobs // (_LAYERS + 2)):
        repository, tag = f"bench/{number // _TAGS}", f"v{number % _TAGS}"
        contents = list(_contents(number))
        digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in contents]
        *refers, manifest = digests
        files = dict(zip((tree.blob(digest) for digest in digests), contents, strict=True))
        files |= {tree.layer(repository, digest): digest.encode() for digest in refers}
        files[tree.revision(repository, manifest)] = manifest.encode()
        if number % 3:
            current = tree.tag(repository, tag)
            history = current.parent.parent / "index" / manifest.replace(":", "/") / "link"
            files |= {current: manifest.encode(), history: manifest.encode()}
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tree


def _contents(number: int) -> Iterator[bytes]:
    """Give an image's configuration, its layers, and its manifest."""
    blobs = [f"{number} {layer}".encode() for layer in range(_LAYERS + 1)]
    yield from blobs
    config, *layers = [
        {"mediaType": "application/x", "digest": f"sha256:{hashlib.sha256(one).hexdigest()}", "size": len(one)} for one in blobs
    ]
    yield json.dumps({"schemaVersion": 2, "mediaType": _TYPE, "config": config, "layers": layers}).encode()
