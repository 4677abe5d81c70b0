"""Reads blobs, and has the damaged ones repaired."""

from __future__ import annotations

from collections.abc import Callable

from ops.core.locks import LockedError
from ops.registry.listing import blobs_in
from ops.registry.manifests import has_content
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.snapshots.trash import NoSpaceError, explained
from ops.registry.tree import RegistryTree
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.scrub.model import ScrubReport, Share
from ops.tasks.scrub.repair import repair

_TASK = "scrub"


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
        tell(f"{len(report.damaged)} blobs are damaged; looking for them elsewhere …")
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
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    try:
        with store.locked(_TASK), explained(stack.data):
            repair(stack, store.restorer(), report)
    except (LockedError, NoSpaceError) as error:  # what was found must be told: the next look is in a month
        report.unrepaired = {digest: str(error) for digest in report.damaged if digest not in report.repaired}
