"""Repairs a registry after a garbage collection was killed: what it had deleted is restored from its snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from ops.registry.live import LiveRegistry
from ops.registry.snapshots.hardlinks import Linker
from ops.registry.snapshots.store import Snapshot, SnapshotState
from ops.registry.tree import RegistryTree, entry_of


def roll_back(live: LiveRegistry, task: str) -> list[str]:
    """Restore what killed collections have deleted, however far they got. Call it with the store locked.

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
        with live.writes_refused(task, "rolling back a garbage collection that was killed"):
            for snapshot in killed:
                put_back_removed(live, snapshot)
            live.flush()
    live.read_only.turn_off_if_orphaned()
    return [one.name for one in killed]


def put_back_removed(live: LiveRegistry, snapshot: Snapshot) -> None:
    """Restore everything that a collection has recorded as deleted, and mark its snapshot as rolled back."""
    put_back(snapshot.tree, live.tree, snapshot.removed(), live.store.restorer())
    snapshot.become(SnapshotState.ROLLED_BACK)


def put_back(source: RegistryTree, tree: RegistryTree, paths: Sequence[str], linker: Linker) -> int:
    """Restore files that are missing in the live tree from a copy, in an order in which no pointer lacks its target.

    Returns:
        How many were restored.
    """
    known = [(entry.kind, path) for path in paths if (entry := entry_of(path)) is not None]
    return sum(linker.put(f"{source.top}/{path}", f"{tree.top}/{path}") for _, path in sorted(known))
