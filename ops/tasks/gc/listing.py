"""The links of repositories, from which what was written since a copy is found without trusting a clock."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.registry.tree import Entry, Kind, RegistryTree, TreeError


@dataclass
class Links:
    """The links of one repository.

    Attributes:
        tags: The inode of each tag's link: the registry renames a new file into place, so a rewritten link has another inode.
        revisions: Digests of its manifests.
        layers: Digests of its blobs.
    """

    tags: dict[str, int] = field(default_factory=dict)
    revisions: set[str] = field(default_factory=set)
    layers: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Written:
    """What was written since: roots, whose references must stay.

    Attributes:
        manifests: Digests of manifests.
        blobs: Digests of blobs.
    """

    manifests: set[str]
    blobs: set[str]


def links_in_copy(tree: RegistryTree, files: Mapping[str, Entry]) -> dict[str, Links]:
    """Return the links of all repositories of a tree that does not change, from its list of files."""
    found: dict[str, Links] = {}
    for path, entry in files.items():
        links = found.setdefault(entry.repository, Links()) if entry.repository else Links()
        match entry.kind:
            case Kind.TAG:
                links.tags[entry.tag] = os.stat(tree.top / path).st_ino  # noqa: PTH116
            case Kind.REVISION:
                links.revisions.add(entry.digest)
            case Kind.LAYER:
                links.layers.add(entry.digest)
    return found


def links_in_use(tree: RegistryTree) -> dict[str, Links]:
    """Return the links of all repositories of the live tree, from the names of folders, some of which may be empty."""
    return {name: _links(tree, name) for name, _ in tree.repository_areas()}


def written_since(tree: RegistryTree, now: Mapping[str, Links], then: Mapping[str, Links]) -> Written:
    """Return the targets of links whose names are new, and of tags that were written since.

    A link to a manifest or blob that existed then and was written again is not found by this.

    All that a repository has counts as written when one of its new links cannot be read.
    """
    manifests, blobs = set[str](), set[str]()
    for name, links in now.items():
        before = then.get(name, Links())
        manifests |= {one for one in links.revisions - before.revisions if tree.revision(name, one).exists()}
        added = {one for one in links.layers - before.layers if tree.layer(name, one).exists()}
        blobs |= added
        changed = [tag for tag, inode in links.tags.items() if before.tags.get(tag) != inode]
        try:
            blobs |= {tree.stored_as(name, one) for one in added}
            manifests |= {digest for digest in (tree.tagged(name, tag) for tag in changed) if digest}
        except (TreeError, OSError):
            manifests |= links.revisions
            blobs |= links.layers
    return Written(manifests, blobs)


def inode_of(path: str | Path) -> int | None:
    """Return a file's inode; None when there is no such file."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116  # ten thousand times
    except FileNotFoundError:
        return None


def _links(tree: RegistryTree, name: str) -> Links:
    folder = str(tree.repository(name))
    tags = {tag: inode_of(f"{folder}/_manifests/tags/{tag}/current/link") for tag in _names(f"{folder}/_manifests/tags")}
    return Links(
        {tag: found for tag, found in tags.items() if found is not None},
        set(_digests(f"{folder}/_manifests/revisions")),
        set(_digests(f"{folder}/_layers")),
    )


def _digests(folder: str) -> Iterable[str]:
    return (f"{algorithm}:{encoded}" for algorithm in _names(folder) for encoded in _names(f"{folder}/{algorithm}"))


def _names(folder: str) -> Iterable[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
