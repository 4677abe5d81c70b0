"""One export from beginning to end: a moment as hard links, its blobs to the target, each compared, then what points to them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from ops.backups.stage import Moment, Stage, look
from ops.config import BACKUP_FOLDER
from ops.core.clock import Clock
from ops.core.files import write_atomic
from ops.registry.manifests import has_content
from ops.registry.plain import lay_out
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import VERSION_FOLDER, RegistryTree
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.export.model import ExportError, ExportReport
from ops.tasks.export.rsync import Target

_TASK = "export"
# In the target's folder: that it is one of ours, and of which moment.
MARK = "export.json"
SCHEMA = 1
_TOP = VERSION_FOLDER.parts[0]

Step = Callable[[str], None]


def export(stack: Stack, target: Target, step: Step, *, dry_run: bool = False) -> ExportReport:
    """Export. The registry goes on; only tasks that delete something wait while blobs are linked.

    Args:
        stack: Whose registry.
        target: Where to. What an earlier export has left there, complete or not, is brought up to date.
        step: Called with the name of each step, for progress, and for tests that kill it there.
        dry_run: Whether only to say what would be sent.

    Raises:
        ExportError: The target has a registry that no export has made, or something was not sent.
        LockedError: A task that deletes something is at work.
        OSError: Something cannot be read, or linked.
    """
    clock = Clock()
    there = target.names()
    if _TOP in there and MARK not in there:
        raise ExportError(f"{target.url} has a registry that no export has made, which would lose its tags; name another folder")
    live = tree_of(stack)
    store = SnapshotStore(stack.root / stack.config.snapshots, live)
    with Stage(stack.root / BACKUP_FOLDER / "export").fresh() as stage:
        tree = RegistryTree(stage.folder)
        with store.locked(_TASK):  # so that what is listed is still there when it is linked
            with clock.phase("list"):
                _, moment = look(store)
            with clock.phase("link"):
                lay_out(tree, moment.index, live.blob, among=moment.blobs)
        step("linked")
        with clock.phase("check"):
            damaged = [] if dry_run else _drop_damaged(tree, moment.blobs)
        step("checked")
        files = [tree.blob(digest) for digest in moment.blobs - set(damaged)]
        size = sum(file.stat().st_size for file in files if file.exists())
        with clock.phase("send"):
            sent, repaired = _sent(stack, target, tree, moment, step, dry_run=dry_run)
    return ExportReport(
        target=target.url,
        repositories=len(moment.index),
        tags=moment.tags,
        blobs=len(files),
        size=size,
        sent=sent,
        repaired=repaired,
        damaged=damaged,
        incomplete=moment.damaged,
        unclear=moment.unclear,
        seconds=clock.seconds,
    )


def _sent(
    stack: Stack, target: Target, tree: RegistryTree, moment: Moment, step: Step, *, dry_run: bool
) -> tuple[int, list[str]]:
    """Send all of it; return how many files were sent, and which had to be repaired."""
    tree.blobs.mkdir(parents=True, exist_ok=True)
    tree.repositories.mkdir(parents=True, exist_ok=True)
    blobs, links = (str(VERSION_FOLDER / name) for name in ("blobs", "repositories"))
    if dry_run:
        missing = [*target.send(tree.blobs, blobs, "--times", "--dry-run")]
        return len(missing) + len(target.send(tree.repositories, links, "--checksum", "--delete-after", "--dry-run")), []
    _mark(stack, target, tree.root, moment, complete=False)
    step("marked")
    sent = target.send(tree.blobs, blobs, "--times")
    step("sent")
    repaired = target.send(tree.blobs, blobs, "--times", "--checksum")  # reads all of it, here and there
    step("compared")
    pointed = target.send(tree.repositories, links, "--checksum", "--delete-after")
    _mark(stack, target, tree.root, moment, complete=True)
    step("pointed")
    return len(sent) + len(pointed), repaired


def _mark(stack: Stack, target: Target, root: Path, moment: Moment, *, complete: bool) -> None:
    document = {
        "schema": SCHEMA,
        "stack": stack.config.stack,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": complete,
        "repositories": len(moment.index),
        "tags": moment.tags,
        "blobs": len(moment.blobs),
    }
    folder = root / "mark"
    write_atomic(folder / MARK, json.dumps(document, indent=1) + "\n")
    target.send(folder, "", "--checksum")


def _drop_damaged(tree: RegistryTree, digests: Iterable[str]) -> list[str]:
    """Remove blobs whose content is not what their digest says; return their digests. Only the links here go."""
    damaged = []
    for digest in sorted(digests):
        file = tree.blob(digest)
        with contextlib.suppress(FileNotFoundError):  # gone since
            if not has_content(file, digest):
                file.unlink()
                damaged.append(digest)
    return damaged
