"""Reads blobs, and replaces damaged ones by what a backup has under the same digest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection

from ops.backups.errors import BackupError
from ops.backups.repository import BackupRepository, is_good, repository_of
from ops.backups.restic import Backup
from ops.backups.stage import pooled
from ops.core.locks import LockedError
from ops.registry.listing import blobs_in
from ops.registry.manifests import has_content
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.snapshots.trash import NoSpaceError, Restorer, explained
from ops.registry.tree import RegistryTree
from ops.stack.registry import tree_of
from ops.stack.stack import Stack
from ops.tasks.scrub.model import ScrubReport, Share

_TASK = "scrub"
_NO_BACKUP = "no backup has it; push the image again, or let `regops gc` delete it if nothing uses it"


def scrub(stack: Stack, share: Share, tell: Callable[[str], None], *, dry_run: bool = False) -> ScrubReport:
    """Compare blobs with their digests, and repair the damaged ones. The registry goes on meanwhile.

    Args:
        stack: Whose.
        share: Which blobs.
        tell: Called with what is done next.
        dry_run: Whether to repair nothing.
    """
    tree, report = tree_of(stack), ScrubReport(str(share))
    for digest in blobs_in(tree):
        if share.has(digest):
            _read(tree, digest, report)
    if report.damaged and dry_run:
        report.unrepaired = dict.fromkeys(report.damaged, "nothing is repaired in a dry run")
    elif report.damaged:
        tell(f"{len(report.damaged)} blobs are damaged; looking for them in the backups …")
        _repair(stack, tree, report)
    return report


def _read(tree: RegistryTree, digest: str, report: ScrubReport) -> None:
    file = tree.blob(digest)
    try:
        report.size += file.stat().st_size
        whole = has_content(file, digest)
    except FileNotFoundError:
        return  # deleted meanwhile
    except OSError:
        whole = False  # the disk does not give it back
    report.blobs += 1
    if not whole:
        report.damaged.append(digest)


def _repair(stack: Stack, tree: RegistryTree, report: ScrubReport) -> None:
    """Take each damaged blob from the newest backup that has it whole: a later one may have been made of the damaged file."""
    missing, store = set(report.damaged), SnapshotStore(stack.root / stack.config.snapshots, tree)
    try:
        backups = repository_of(stack)
        with store.locked(_TASK), explained(backups.folder):
            for backup in reversed([one for one in backups.all() if is_good(one)]):
                if missing:
                    missing -= _taken(backups, backup, missing, store.restorer(), report)
        report.unrepaired = dict.fromkeys(sorted(missing), _NO_BACKUP)
    except (BackupError, LockedError, NoSpaceError) as error:  # what was found must be told: the next look is in a month
        report.unrepaired = dict.fromkeys(sorted(missing), str(error))


def _taken(
    backups: BackupRepository, backup: Backup, missing: Collection[str], restorer: Restorer, report: ScrubReport
) -> set[str]:
    """Return which of the blobs a backup has whole, after they have been put in place."""
    scratch, taken = backups.folder / "scrubbed", set[str]()
    shutil.rmtree(scratch, ignore_errors=True)
    backups.restic.fetch(backup.id, scratch, [pooled(digest) for digest in sorted(missing)])
    for digest in sorted(missing):
        file = scratch / pooled(digest)
        if not file.is_file() or not has_content(file, digest):
            continue
        taken.add(digest)
        if restorer.replace_blob(file, digest):
            report.repaired.append(digest)
        else:
            report.damaged.remove(digest)  # deleted meanwhile
    shutil.rmtree(scratch, ignore_errors=True)
    return taken
