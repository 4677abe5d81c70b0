"""What a registry's tree has at a moment: its links, what tags point to, its blobs; found in one pass while it is in use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.registry.leftovers import left_since
from ops.registry.tree import DIGEST, RegistryTree, TreeError, linked_by

_MANIFEST_AREAS = {"tags", "revisions"}
_AREAS = {"_manifests", "_layers", "_uploads"}
_STAMP_BITS = 64
# By far the most: a simpler pattern than that of all digests.
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass
class Links:
    """The links of one repository.

    Each has a stamp (`stamp_of`): the registry writes each file beside its place and renames it, so a link that was written
    again has another stamp.

    Attributes:
        tags: Stamp by tag.
        pointed: By tag, the digest that it points to. Without those that cannot be read.
        leftovers: What is left of tags that have no image: by tag, when something was last written there
            (`ops.registry.leftovers.left_since`).
        histories: Stamps of what tags have pointed to, by tag and digest.
        revisions: Stamps of its manifests, by digest.
        layers: Stamps of its blobs, by digest.
        aliases: The digest under which the registry keeps a blob, by its digest of another algorithm.
        others: Digests that links of an unknown kind end with: older registries kept signatures below a revision.
        unreadable: What could not be read, with the reason: it may reference anything in the repository.
        unlisted: Folders that could not be listed, with the reason: what is in there may reference any blob.
    """

    tags: dict[str, int] = field(default_factory=dict)
    pointed: dict[str, str] = field(default_factory=dict)
    leftovers: dict[str, int] = field(default_factory=dict)
    histories: dict[tuple[str, str], int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    layers: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Listing:
    """What a tree has.

    Attributes:
        repositories: The links of each repository, by name.
        blobs: Digests of all blobs, manifests included.
        unlisted: Folders outside of repositories that could not be listed, with the reason.
    """

    repositories: dict[str, Links]
    blobs: frozenset[str]
    unlisted: tuple[str, ...] = ()


def listing_of(tree: RegistryTree) -> Listing:
    """List a tree in use: of each repository tags, then revisions, then links to layers; then all blobs.

    What points is listed before its target, so that a push in between leaves nothing in the list that lacks its target.
    """
    unlisted: list[str] = []
    repositories = {name: links_of(tree, name) for name, _ in tree.repository_areas(lambda error: unlisted.append(_why(error)))}
    try:
        blobs = frozenset(blobs_in(tree))
    except OSError as error:
        unlisted.append(_why(error))
        blobs = frozenset()
    return Listing(repositories, blobs, tuple(unlisted))


def links_of(tree: RegistryTree, name: str) -> Links:
    """List the links of one repository."""
    links, folder = Links(), str(tree.repository(name))
    for area, listed in (
        ("_manifests/tags", _list_tags),
        ("_manifests/revisions", _list_revisions),
        ("_layers", _list_layers),
        ("", _list_others),
    ):
        try:
            listed(tree, name, f"{folder}/{area}", links)
        except OSError as error:
            links.unlisted.append(_why(error))
    return links


def stamp_of(path: str) -> int | None:
    """Return a number that changes when a file is written again: its inode and when it was written. None if it is gone.

    Two files of the same inode number cannot exist at once, and one that gets a freed number is written later.
    """
    try:
        found = os.stat(path)  # noqa: PTH116  # a hundred thousand times
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino << _STAMP_BITS | found.st_mtime_ns


def written_at(stamp: int) -> float:
    """Return when a file with this stamp was written, in seconds since 1970."""
    return (stamp & (1 << _STAMP_BITS) - 1) / 1e9


def names_in(folder: str) -> list[str]:
    """Return the names in a folder; none if it does not exist."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def digests_in(folder: str) -> Iterator[str]:
    """Yield the digests that folders are named by, as `<algorithm>/<encoded>`; those folders may be empty."""
    for algorithm in names_in(folder):
        for encoded in names_in(f"{folder}/{algorithm}"):
            if _is_digest(algorithm, encoded):
                yield f"{algorithm}:{encoded}"


def _is_digest(algorithm: str, encoded: str) -> bool:
    if algorithm == "sha256":
        return _SHA256.fullmatch(encoded) is not None
    return DIGEST.fullmatch(f"{algorithm}:{encoded}") is not None


def _list_tags(tree: RegistryTree, name: str, folder: str, links: Links) -> None:
    for tag in names_in(folder):
        stamp = stamp_of(f"{folder}/{tag}/current/link")
        if stamp is not None:
            links.tags[tag] = stamp
            try:
                digest = tree.tagged(name, tag)
            except (TreeError, OSError) as error:
                links.unreadable.append(f"tag {tag} cannot be read ({error})")
            else:
                if digest:
                    links.pointed[tag] = digest
        elif (since := left_since(f"{folder}/{tag}")) is not None:
            links.leftovers[tag] = since
        links.histories |= {(tag, digest): stamp for digest, stamp in _links(f"{folder}/{tag}/index")}


def _list_revisions(_: RegistryTree, __: str, folder: str, links: Links) -> None:
    for digest in digests_in(folder):
        below = f"{folder}/{digest.replace(':', '/')}"
        stamp = stamp_of(f"{below}/link")
        if stamp is not None:
            links.revisions[digest] = stamp
        links.others |= {found for one in names_in(below) if one != "link" for found in _linked_below(f"{below}/{one}")}


def _list_layers(tree: RegistryTree, name: str, folder: str, links: Links) -> None:
    links.layers |= _links(folder)
    for digest in links.layers:
        if not digest.startswith("sha256:"):
            try:
                links.aliases[digest] = tree.stored_as(name, digest)
            except (TreeError, OSError) as error:
                links.unreadable.append(f"layer {digest} cannot be read ({error})")


def _list_others(_: RegistryTree, __: str, folder: str, links: Links) -> None:
    unknown = [one for one in names_in(folder) if one.startswith("_") and one not in _AREAS]
    unknown += [f"_manifests/{one}" for one in names_in(f"{folder}/_manifests") if one not in _MANIFEST_AREAS]
    links.others |= {found for one in unknown for found in _linked_below(f"{folder}/{one}")}


def _links(folder: str) -> Iterator[tuple[str, int]]:
    """Yield digest and stamp of each link below a folder. The registry leaves the empty folders of links that it deletes."""
    for digest in digests_in(folder):
        stamp = stamp_of(f"{folder}/{digest.replace(':', '/')}/link")
        if stamp is not None:
            yield digest, stamp


def _linked_below(path: str) -> Iterator[str]:
    if digest := linked_by(path):
        yield digest
    for name in names_in(path):
        yield from _linked_below(f"{path}/{name}")


def blobs_in(tree: RegistryTree) -> Iterator[str]:
    """Yield the digests of all blobs, manifests included, in the order of their folders."""
    folder = str(tree.blobs)
    for algorithm in names_in(folder):
        for start in names_in(f"{folder}/{algorithm}"):
            for encoded in names_in(f"{folder}/{algorithm}/{start}"):
                if encoded.startswith(start) and _is_digest(algorithm, encoded):
                    yield f"{algorithm}:{encoded}"


def _why(error: OSError) -> str:
    return f"{error.filename} cannot be listed ({error.strerror or error})"
