"""Deletes tags that were mirrored: what policies let go, and what an entry has left that was removed."""

from __future__ import annotations

from collections.abc import Collection

from ops.core.locks import lock
from ops.registry.listing import listing_of
from ops.registry.snapshots.recovery import heal, roll_back
from ops.registry.tree import RegistryTree
from ops.stack.deletion import Deletion, TagLink, delete_tags
from ops.stack.registry import live_registry
from ops.stack.stack import STORAGE, Stack
from ops.tasks.sync.model import MirrorEntry

BY = "sync"


def delete(stack: Stack, tags: Collection[tuple[str, str]], *, patience_s: float) -> Deletion | None:
    """Delete tags, each with its repository, after a snapshot; return None if none of them is here.

    Of a repository in which something cannot be read, nothing is deleted.

    Args:
        stack: Whose.
        tags: The tags.
        patience_s: How long to wait for a task that works on the registry's files.

    Raises:
        LockedError: Another task works on them for longer.
        RegistryError: The registry refuses, or does not answer.
        SnapshotError: There is no room for a snapshot.
    """
    with lock(stack.lock_file(STORAGE), BY, patience=patience_s), live_registry(stack) as live, live.store.locked(BY):
        roll_back(live, BY)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        links = [
            TagLink(name, tag, found.pointed[tag], found.tags[tag])
            for name, tag in tags
            if (found := listing.repositories.get(name)) and not found.unreadable and not found.unlisted
            if tag in found.pointed
        ]
        return delete_tags(stack, live, listing, links, BY) if links else None


def images_of(tree: RegistryTree, entry: MirrorEntry, repositories: Collection[str]) -> list[tuple[str, str]]:
    """Return the tags here that an entry mirrors, each with its repository: its one tag, or all of its repositories'."""
    return [(name, tag) for name in repositories for tag in ([entry.tag] if entry.tag else tree.tag_names(name))]
