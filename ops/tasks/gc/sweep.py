"""The second phase: what was marked, less what anything written since leads to, goes from the live tree. Writes are refused."""

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
    """What goes in the end.

    Attributes:
        going: Its files.
        kept_again: How many others stay since they were pushed again, or are led to by what was.
    """

    going: Sequence[Candidate]
    kept_again: int


def remaining(tree: RegistryTree, marked: Marked) -> Remaining:
    """Return what may still go from the live tree. Called once before read-only mode too, so that less is left to read during it.

    Whatever a manifest, tag or link leads to that was written since the copy stays:

    * a new name of a repository, tag, manifest or blob shows in the listing of its folder;
    * a link written again has another inode than in the copy, which holds the old one so that it is not used again.

    Raises:
        TreeError: A new tag or manifest cannot be understood.
    """
    present, there, now = _look(tree, marked)
    going = staying_apart(present, marked.reach, marked.signatures, now)
    return Remaining(_with_histories(going, present), there - len(going))


def needed_again(tree: RegistryTree, marked: Marked, left: Remaining) -> list[Candidate]:
    """Return what has gone and what was written meanwhile leads to.

    Raises:
        TreeError: A new tag or manifest cannot be understood.
    """
    _, _, now = _look(tree, marked)
    staying = set(staying_apart(left.going, marked.reach, marked.signatures, now))
    return [one for one in left.going if one not in staying and one.entry.kind != Kind.TAG_HISTORY]


def _look(tree: RegistryTree, marked: Marked) -> tuple[list[Candidate], int, Mapping[str, Links]]:
    """Reach what was written since the copy; return the candidates that are as they were, how many are there, and the links."""
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
    """Remove files as they were in the copy, what points before what it points to, each with its folder.

    Args:
        tree: The live tree.
        going: The files.
        keep_going: Called from time to time; raises when writes may get through.
    """
    top = str(tree.top)
    for number, one in enumerate(sorted(going, key=lambda one: -one.entry.kind)):
        if number % _EVERY == 0:
            keep_going()
        file = Path(top, one.path)
        if one.entry.kind != Kind.BLOB and inode_of(file) != one.inode:
            continue  # written a moment ago, by a request that the edge had let through
        if one.entry.kind == Kind.TAG:
            # A tag is its folder: the registry lists one without a link too.
            shutil.rmtree(file.parent.parent, ignore_errors=True)
            continue
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)  # noqa: PTH108
        with contextlib.suppress(OSError):  # it may hold what a crash of the registry left
            os.rmdir(file.parent)  # noqa: PTH106


def _digest(path: str) -> str:
    entry = entry_of(path)
    assert entry is not None  # noqa: S101  # of the copy's files
    return entry.digest


def _with_histories(going: Sequence[Candidate], present: Sequence[Candidate]) -> list[Candidate]:
    """Return also what tags that go once named: it goes with their folders, and has to be put back with them."""
    tags = {(one.entry.repository, one.entry.tag) for one in going if one.entry.kind == Kind.TAG}
    chosen = {one.path for one in going}
    return [one for one in present if one.path in chosen or (one.entry.repository, one.entry.tag) in tags]
