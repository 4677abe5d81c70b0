"""A registry's tree made from an index and blobs: plain files, in the layout that any registry serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ops.registry.index import Index, linked_blobs
from ops.registry.snapshots.images import link_record
from ops.registry.snapshots.trash import Restorer
from ops.registry.tree import RegistryTree


def lay_out(tree: RegistryTree, index: Index, blob: Callable[[str], Path], *, among: Iterable[str] | None = None) -> int:
    """Make a tree: its blobs as hard links, then all links of an index, targets before what points to them.

    Args:
        tree: The tree, whose root exists.
        index: Which links it has.
        blob: Returns the file of a blob, on the same file system. One that does not exist is left out.
        among: Only these blobs; None for all that links lead to.

    Returns:
        How many blobs it has.

    Raises:
        OSError: Something cannot be written.
    """
    restorer = Restorer(tree)
    wanted = linked_blobs(index.values()) if among is None else among
    laid = sum(restorer.put_blob(blob(digest), digest) for digest in sorted(wanted))
    for name, repository in index.items():
        for entry in repository.entries(name):
            restorer.put_link(entry, link_record(entry, repository).content)
    return laid
