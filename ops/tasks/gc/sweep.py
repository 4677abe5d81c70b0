"""The second phase: what was marked is deleted from the live tree, except what newer writes reference. Writes are refused."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.registry.tree import Kind, RegistryTree, entry_of
from ops.tasks.gc.listing import Links, inode_of, links_in_use, written_since
from ops.tasks.gc.mark import Candidate, Marked, staying_apart

# How often read-only mode is extended, and the hook of tests is called.
_EVERY = 200


@dataclass(frozen=True)
class Remaining:
    """What is deleted in the end.

    Attributes:
        going: Its files.
        kept_again: How many others stay, because they were pushed again or something that was pushed references them.
    """

    going: Sequence[Candidate]
    kept_again: int


def remaining(tree: RegistryTree, marked: Marked) -> Remaining:
    """Return what may still be deleted. Called once before read-only mode too, so that less is left to read during it.

    Whatever is referenced by a manifest, tag or link that was written since the copy stays:

    * a new name of a repository, tag, manifest or blob shows in the listing of its folder;
    * a link written again has another inode than in the copy, which keeps the old inode from being reused.
    """
    present, there, now = _look(tree, marked)
    going = staying_apart(present, marked.reach, marked.referrers, now)
    return Remaining(_with_histories(going, present), there - len(going))


def needed_again(tree: RegistryTree, marked: Marked, left: Remaining) -> list[Candidate]:
    """Return what was deleted although something written in the meantime references it."""
    _, _, now = _look(tree, marked)
    staying = set(staying_apart(left.going, marked.reach, marked.referrers, now))
    return [one for one in left.going if one not in staying and one.entry.kind != Kind.TAG_HISTORY]


def _look(tree: RegistryTree, marked: Marked) -> tuple[list[Candidate], int, Mapping[str, Links]]:
    """Add what was written since the copy to what stays; return the unchanged candidates, how many exist, and the links."""
    now = links_in_use(tree)
    written = written_since(tree, now, marked.links)
    reach = marked.reach
    reach.blobs(written.blobs)
    reach.manifests(written.manifests)
    top = str(tree.top)
    present, there = [], 0
    for one in marked.candidates:
        inode = inode_of(f"{top}/{one.path}")
        there += inode is not None
        if inode == one.inode:
            present.append(one)
        elif inode is not None and one.entry.kind == Kind.LAYER:
            reach.blobs([one.entry.digest])
        elif inode is not None and one.entry.kind in {Kind.REVISION, Kind.TAG_HISTORY}:
            reach.manifests([one.entry.digest])
    reach.manifests(_digest(path) for path, inode in marked.watched.items() if inode_of(f"{top}/{path}") not in {None, inode})
    return present, there, now


def remove(tree: RegistryTree, going: Sequence[Candidate], keep_going: Callable[[], None]) -> None:
    """Delete files that are as they were in the copy, each with its folder: pointers before what they point to.

    Args:
        tree: The live tree.
        going: The files.
        keep_going: Called now and then; raises when writes may get through.
    """
    top = str(tree.top)
    for number, one in enumerate(sorted(going, key=lambda one: -one.entry.kind)):
        if number % _EVERY == 0:
            keep_going()
        file = Path(top, one.path)
        if one.entry.kind != Kind.BLOB and inode_of(file) != one.inode:
            continue  # written a moment ago, by a request that the edge had let through
        if one.entry.kind == Kind.TAG:
            # The folder is the tag: the registry lists it even without a link.
            shutil.rmtree(file.parent.parent, ignore_errors=True)
            continue
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)  # noqa: PTH108
        with contextlib.suppress(OSError):  # a crash of the registry may have left something in it
            os.rmdir(file.parent)  # noqa: PTH106


def _digest(path: str) -> str:
    entry = entry_of(path)
    assert entry is not None  # noqa: S101  # it is one of the copy's files
    return entry.digest


def _with_histories(going: Sequence[Candidate], present: Sequence[Candidate]) -> list[Candidate]:
    """Add the history of tags that are deleted: it goes with their folders, and has to be put back with them."""
    tags = {(one.entry.repository, one.entry.tag) for one in going if one.entry.kind == Kind.TAG}
    chosen = {one.path for one in going}
    return [one for one in present if one.path in chosen or (one.entry.repository, one.entry.tag) in tags]
