"""What backups cost: with nothing new, with one image more, with new data against rsync; and how fast things come back."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.paths import PROJECT_FOLDER, cache_folder
from ops.config import REGOPS_FILE, BackupSettings, RecoverySettings, RegopsConfig, render
from ops.core.files import write_atomic
from ops.core.process import run
from ops.registry.cache import NoCache
from ops.registry.client import digest_of
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.restore.model import RestoreScope
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree, linked_by
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.backup.run import back_up
from ops.tasks.restore.placeholders import mount_of
from ops.tasks.restore.recover import recover
from ops.tasks.restore.run import Chosen, restore_from, source_of
from ops.tasks.restore.whole import complete
from tests.ops.tasks.gc.trees import Layout, lay_out_images
from tools.bench.memory import peak_kib
from tools.bench.report import Row
from tools.offline.debian import apt_install
from tools.offline.tools import ensure_restic

TITLE = "Backups by restic to a folder"
_SIZES = (10_000, 100_000)
# Enough that opening the repository, which takes a second, does not decide.
_NEW_BLOBS, _NEW_BYTES = 40, 50_000_000
_LIMIT_S = 3600
_REPOSITORY = "bench/new"


def measure(folder: Path) -> list[Row]:
    """Back up and restore trees of several sizes.

    Args:
        folder: Where they are laid out.
    """
    install()
    # Nothing is deleted in between: for minutes, ext4 looks at every file that was, whenever it makes another one.
    # Those who recover have a new disk.
    rows = [row for blobs in _SIZES for row in _of_size(folder / str(blobs), blobs)]
    # Last: a process counts as its own memory what its parent has ever held, and new data are held as a whole.
    return [*rows, _new_data(folder / str(min(_SIZES)))]


def install() -> None:
    """Install what backups are measured with."""
    for package, program in (("rsync", "rsync"), ("fuse3", "fusermount")):
        apt_install(package, program, purpose="measuring backups")


def _of_size(folder: Path, blobs: int) -> list[Row]:
    lay_out_images(tree_in(folder), blobs)
    configure(folder)
    at, smallest = f"{blobs:,} blobs", blobs == min(_SIZES)
    first = work("backup", folder)
    nothing = work("backup", folder)
    no_op_s = rsync(folder)
    _push(folder, "small", [b"one more layer"])
    little = work("backup", folder)
    rows = [
        Row(f"first backup, {at}", f"{first['bytes'] / 1e6:.0f} MB", "", first["s"], "s"),
        Row(
            f"nothing has changed, {at}",
            f"{nothing['added']} bytes sent; rsync of the tree: {no_op_s:.1f} s",
            "≤ 5 s" if smallest else "≤ 30 s",
            nothing["s"],
            "s",
        ),
        Row(f"one image more, {at}", f"{little['s']:.1f} s", "", little["added"] / 1e6, "MB sent"),
        Row(f"memory of the largest process, {at}", "", "" if smallest else "≤ 512 MB", first["memory_mb"], "MB"),
    ]
    tag = work("restore-tag", folder)
    rows.append(Row(f"one tag back, {at}", f"{tag['blobs']} blobs", "≤ 5 s" if smallest else "", tag["s"], "s"))
    served = work("serve", folder)
    rows.append(
        Row(f"an empty disk serves everything, {at}", served["said"], "≤ 10 s" if smallest else "≤ 60 s", served["s"], "s")
    )
    rows.append(Row(f"everything on that disk, {at}", "one blob after the other", "", work("complete", folder)["s"], "s"))
    return rows


def _new_data(folder: Path) -> Row:
    """Compare a backup of new data with reading it once for its digests and sending it by rsync.

    Both write as much as a disk takes, and many a disk is slower after that: so each of them comes first once.
    """
    rsync(folder)
    plain_s = ours_s = 0.0
    for part in range(2):
        files = _push_new(folder, part)
        if part:
            ours_s += work("backup", folder)["s"]
        plain_s += _hashed(files) + rsync(folder)
        if not part:
            ours_s += work("backup", folder)["s"]
    detail = f"{plain_s:.1f} / {ours_s:.1f} s for {2 * _NEW_BLOBS * _NEW_BYTES / 1e6:.0f} MB"
    return Row("new data: sha256sum and rsync / a backup", detail, "≥ 0.9", plain_s / ours_s, "")


def _push_new(folder: Path, seed: int) -> list[Path]:
    """Push images with new layers, and return the files of these."""
    rng, files = random.Random(seed), list[Path]()  # noqa: S311  # content, no secret
    for number in range(_NEW_BLOBS):
        layer = rng.randbytes(_NEW_BYTES)
        _push(folder, f"large-{seed}-{number}", [layer])
        files.append(tree_in(folder).blob(digest_of(layer)))
    return files


def _hashed(files: list[Path]) -> float:
    os.sync()
    start = time.perf_counter()
    run(["sha256sum", *files], timeout=_LIMIT_S)
    return time.perf_counter() - start


def work(what: str, folder: Path) -> dict[str, Any]:
    """Do one thing in a process of its own, so that its memory is its own."""
    words: list[str | Path] = [sys.executable, "-m", "tools.bench.backup_times", what, folder]
    restic = ensure_restic(cache_folder("offline")).parent
    environment = {**os.environ, "PATH": f"{restic}:{os.environ['PATH']}"}
    os.sync()  # what was laid out or removed before is not its work
    done: dict[str, Any] = json.loads(run(words, timeout=_LIMIT_S, cwd=PROJECT_FOLDER, env=environment).stdout)
    return done


def served(folder: Path) -> float:
    """Return how long an empty disk takes to serve everything; what it is served from is there no more afterwards."""
    try:
        return float(work("serve", folder)["s"])
    finally:
        mount_of(Stack(folder / "recovered")).stop()


def rsync(folder: Path) -> float:
    """Copy what the stack's tree has to a copy that has it already but for what is new; return how long it takes."""
    os.sync()
    start = time.perf_counter()
    # restic waits until what it writes is on the disk.
    run(["rsync", "--archive", "--delete", "--fsync", f"{tree_in(folder).root}/", folder / "copy"], timeout=_LIMIT_S)
    seconds = time.perf_counter() - start
    if not (folder / "copied").exists():  # the first one sent everything
        (folder / "copied").touch()
        return rsync(folder)
    return seconds


def _push(folder: Path, tag: str, layers: list[bytes]) -> None:
    layout = Layout(tree_in(folder))
    layout.tag(_REPOSITORY, tag, layout.image(_REPOSITORY, layers))


def tree_in(folder: Path) -> RegistryTree:
    """Return the tree of the stack that is backed up."""
    return RegistryTree(folder / "stack/data/registry")


def configure(folder: Path) -> None:
    """Make the folder of a stack that `regops` can work on, and of one that asks to be recovered since it is lost."""
    _settle(folder / "stack", _config(folder))
    new_disk(folder)


def new_disk(folder: Path) -> None:
    """Give the stack that is recovered an empty disk; what was recovered before stays beside it."""
    recovered = folder / "recovered"
    if recovered.exists():
        recovered.rename(folder / f"recovered-{len(list(folder.glob('recovered-*')))}")
    _settle(recovered, _config(folder).model_copy(update={"recover": RecoverySettings()}))


def _config(folder: Path) -> RegopsConfig:
    return RegopsConfig(
        stack="bench",
        url="http://127.0.0.1:1",
        data="data/regops",
        registry_data="data/registry",
        snapshots="data/snapshots",
        backup=BackupSettings(target=str(folder / "target")),
    )


def _settle(root: Path, config: RegopsConfig) -> None:
    write_atomic(root / "current" / REGOPS_FILE, render(config))
    for password in ("password", "second_password"):
        write_atomic(root / "secrets/backup" / password, f"of the benchmark: {password}\n", mode=0o600)
    (root / "data/regops").mkdir(parents=True)


def _back_up(folder: Path) -> dict[str, Any]:
    report = back_up(Stack(folder / "stack"), lambda _: None)
    assert not report.damaged, report  # noqa: S101  # else this measures nothing
    return {"added": report.added if report.is_new else 0, "bytes": report.size}


def _restore_tag(folder: Path) -> dict[str, Any]:
    """Lose an image with its blobs, and bring its tag back."""
    stack = Stack(folder / "stack")
    tree = tree_of(stack)
    links = [path.relative_to(tree.top).as_posix() for path in tree.repository(_REPOSITORY).rglob("link")]
    for digest in {linked_by(link) for link in links} - {""}:
        shutil.rmtree(tree.blob(digest).parent)
    shutil.rmtree(tree.repository(_REPOSITORY))
    store = SnapshotStore(stack.root / "data/snapshots", tree)
    live = LiveRegistry(tree, store, ReadOnlyMode(stack.root / "gate/read-only"), WritesInFlight, NoCache())
    scope = RestoreScope(repository=_REPOSITORY, tag="small")
    done = restore_from(source_of(stack, Chosen(), scope), live, scope, lambda _: None)
    assert tree.tagged(_REPOSITORY, "small"), done  # noqa: S101
    return {"blobs": done.fetched}


def _serve(folder: Path) -> dict[str, Any]:
    done = recover(Stack(folder / "recovered"), lambda _: None)
    assert not done.recovery.restored, "nothing can be mounted here"  # noqa: S101
    return {"said": done.summary.partition(";")[0]}


def _complete(folder: Path) -> dict[str, Any]:
    """Bring every blob; no registry is asked."""
    done = complete(Stack(folder / "recovered"), lambda _: None, lambda *_: [])
    assert done.recovery.restored, done  # noqa: S101
    return {}


_WORK: dict[str, Callable[[Path], dict[str, Any]]] = {
    "backup": _back_up,
    "restore-tag": _restore_tag,
    "serve": _serve,
    "complete": _complete,
}


def main() -> None:
    """Do one thing, and print what it took."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    start = time.perf_counter()
    figures = _WORK[what](folder)
    seconds = time.perf_counter() - start
    memory = max(peak_kib(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    print(json.dumps({**figures, "s": seconds, "memory_mb": memory * 1024 / 1e6}))


if __name__ == "__main__":
    main()
