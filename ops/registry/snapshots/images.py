"""The links of images: those of their tags, and of everything that they reference, as a snapshot's index has them."""

from __future__ import annotations

from collections.abc import Collection

from ops.registry.index import RepositoryIndex
from ops.registry.manifests import BlobFiles, Reach
from ops.registry.snapshots.removed import Removed
from ops.registry.tree import Entry, Kind


def links_of_images(
    source: BlobFiles, name: str, index: RepositoryIndex, *, tags: Collection[str] = (), digests: Collection[str] = ()
) -> list[Removed]:
    """Return the links of images of one repository, in an order in which they can be put back.

    Args:
        source: Where manifests are read.
        name: The repository.
        index: What it had.
        tags: Images by tag; their tags come too.
        digests: Images by digest.
    """
    wanted, reach = set(tags), Reach(source, aliases=dict(index.aliases))
    reach.manifests([*digests, *(index.tags[tag] for tag in tags)])
    return [
        link_record(entry, index)
        for entry in index.entries(name)
        if (entry.tag in wanted and entry.digest == index.tags[entry.tag] if entry.tag else entry.digest in reach.digests)
    ]


def link_record(entry: Entry, index: RepositoryIndex) -> Removed:
    """Return the record of a link, with which it can be put back."""
    return Removed(entry, index.stored_as(entry.digest) if entry.kind == Kind.LAYER else entry.digest)
