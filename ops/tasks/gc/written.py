"""What was written to a tree since it was listed, found again and again at little cost and without trusting a clock."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ops.registry.listing import Links, Listing, names_in, stamp_of
from ops.registry.tree import DIGEST, RegistryTree, TreeError

# A folder that was changed this short before it was listed may be changed again without a new time: clocks of file systems
# advance by some milliseconds at once.
_TICK_NS = 100_000_000
_NEVER = -1


@dataclass(frozen=True)
class Names:
    """What a repository has now. What it had and has lost since may be here too.

    Attributes:
        revisions: Digests of its manifests.
        layers: Digests of its blobs.
    """

    revisions: Collection[str]
    layers: Collection[str]


@dataclass
class Written:
    """What was written since: roots, whose references must stay.

    Attributes:
        manifests: Digests of manifests.
        blobs: Digests of blobs.
        aliases: The digest under which the registry keeps a blob, by its digest of another algorithm.
        repositories: What each repository has now.
    """

    manifests: set[str] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, Names] = field(default_factory=dict)


@dataclass
class _Folder:
    """A folder of links, or of tags, as it was listed last.

    Attributes:
        changed: When it had been changed, in nanoseconds; `_NEVER` if it has to be listed again.
        names: What is in it.
        there: Digests that were there at the first listing and still are.
        new: Other digests, whose folders may be empty: the registry leaves those of links that it deletes.
    """

    changed: int = _NEVER
    names: Sequence[str] = ()
    there: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()


class Watch:
    """Looks for what was written since a listing.

    * A new name of a repository, tag, manifest or blob shows in its folder, which is listed again only if it was changed.
    * A tag that was written again has another stamp.

    A link to a manifest or blob that was there and was written again is not found by this.
    """

    def __init__(self, tree: RegistryTree, listing: Listing) -> None:
        self._tree = tree
        self._then = listing.repositories
        self._folders: dict[str, _Folder] = {}

    def look(self) -> Written:
        """Return everything that was written since the listing, whether it was returned before or not.

        Raises:
            OSError: A folder cannot be listed that could be.
        """
        written = Written()
        for name, _ in self._tree.repository_areas(lambda _: None):
            then = self._then.get(name, Links())
            try:
                self._look_at(name, then, written)
            except OSError:
                if not then.unlisted:
                    raise
        return written

    def _look_at(self, name: str, then: Links, written: Written) -> None:
        tree, folder = self._tree, f"{self._tree.repositories}/{name}"
        revisions, new_revisions = self._digests(f"{folder}/_manifests/revisions", then.revisions)
        layers, new_layers = self._digests(f"{folder}/_layers", then.layers)
        new_revisions = {one for one in new_revisions if tree.revision(name, one).exists()}
        new_layers = {one for one in new_layers if tree.layer(name, one).exists()}
        now = Names(revisions | new_revisions, layers | new_layers)
        written.repositories[name] = now
        written.manifests |= new_revisions
        written.blobs |= new_layers
        try:
            written.manifests.update(self._moved_tags(name, f"{folder}/_manifests/tags", then))
            written.aliases.update({one: tree.stored_as(name, one) for one in new_layers if not one.startswith("sha256:")})
        except (TreeError, OSError):  # what cannot be read may reference anything in the repository
            written.manifests.update(now.revisions)
            written.blobs.update(now.layers)

    def _moved_tags(self, name: str, folder: str, then: Links) -> Iterator[str]:
        for tag in self._folder(folder, "", ()).names:
            stamp = stamp_of(f"{folder}/{tag}/current/link")
            if stamp is not None and stamp != then.tags.get(tag):
                digest = self._tree.tagged(name, tag)
                if digest:
                    yield digest

    def _digests(self, folder: str, then: Collection[str]) -> tuple[set[str], set[str]]:
        """Return the digests of links below a folder: those that were there, and new ones."""
        there, new = set[str](), set[str]()
        for algorithm in names_in(folder):
            found = self._folder(f"{folder}/{algorithm}", algorithm, then)
            there |= found.there
            new |= found.new
        return there, new

    def _folder(self, path: str, algorithm: str, then: Collection[str]) -> _Folder:
        try:
            changed = os.stat(path).st_mtime_ns  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return _Folder()
        known = self._folders.get(path)
        if known and known.changed == changed:
            return known
        now = time.time_ns()
        names = names_in(path)
        digests = {f"{algorithm}:{encoded}" for encoded in names} if algorithm else set[str]()
        there = frozenset(digests.intersection(then))
        new = frozenset(one for one in digests - there if DIGEST.fullmatch(one))
        found = _Folder(changed if changed < now - _TICK_NS else _NEVER, names, there, new)
        self._folders[path] = found
        return found
