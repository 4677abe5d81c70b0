"""Puts removed files back: all that a killed collection had removed, and blobs that something in the registry needs after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.registry.listing import Listing
from ops.registry.live import LiveRegistry
from ops.registry.snapshots.removed import Removed
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.snapshots.trash import explained
from ops.registry.tree import Entry, Kind, RegistryTree


def roll_back(live: LiveRegistry, task: str) -> list[str]:
    """Put back what killed collections have removed, however far they got. Call it with the store locked.

    Args:
        live: The registry.
        task: The task that does it, for those who ask why the registry is read-only.

    Returns:
        The names of their snapshots.

    Raises:
        ReadOnlyModeError: It cannot be turned on, or writes in flight do not finish in time.
    """
    killed = [one for one in live.store.all() if one.state == SnapshotState.SWEEPING]
    if killed:
        with live.writes_held(task, "rolling back a garbage collection that was killed"):
            for snapshot in killed:
                put_back_removed(live, snapshot)
            live.flush()
    live.read_only.turn_off_if_orphaned()
    return [one.name for one in killed]


def put_back_removed(live: LiveRegistry, snapshot: Snapshot) -> None:
    """Put back everything that a collection has recorded as removed, and mark its snapshot as rolled back."""
    put_back(live.store, leading_to_tags(live.tree, snapshot.removed()))
    snapshot.become(SnapshotState.ROLLED_BACK)
    snapshot.trash.empty()


def leading_to_tags(tree: RegistryTree, removed: Sequence[Removed]) -> list[Removed]:
    """Leave out the history of tags that are not there, and do not come back.

    The registry lists a tag as long as its folder exists, also one that has only a history, and nobody could pull it.
    """
    coming = {(one.entry.repository, one.entry.tag) for one in removed if one.entry.kind == Kind.TAG}

    def leads(entry: Entry) -> bool:
        return (entry.repository, entry.tag) in coming or tree.tag(entry.repository, entry.tag).exists()

    return [one for one in removed if one.entry.kind != Kind.TAG_HISTORY or leads(one.entry)]


def put_back(store: SnapshotStore, removed: Iterable[Removed]) -> int:
    """Put back files that are missing, in the order given: targets before what points to them.

    Returns:
        How many were put back.

    Raises:
        NoSpaceError: The disk is full.
    """
    restorer, restored = store.restorer(), 0
    with explained(store.live.root):
        for one in removed:
            if one.entry.kind == Kind.BLOB:
                restored += restorer.put_blob(store.blob(one.entry.digest), one.entry.digest)
            else:
                restored += restorer.put_link(one.entry, one.content)
    return restored


def heal(store: SnapshotStore, listing: Listing) -> list[str]:
    """Put back blobs that are in the trash although the registry has links to them.

    That happens when an upload ends in the very moment in which its blob is removed, and outlasts the collection.

    Returns:
        Their digests.
    """
    linked: set[str] = set()
    for links in listing.repositories.values():
        linked |= {links.aliases.get(one, one) for one in links.layers}
        linked |= links.revisions.keys()
    missing = [digest for digest in sorted(linked - listing.blobs) if store.blob(digest) != store.live.blob(digest)]
    if missing:
        put_back(store, [Removed(Entry(Kind.BLOB, digest), "") for digest in missing])
    return missing
