"""Puts a registry right again after a collection that was killed: what it had removed comes back from its snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from ops.registry.live import LiveRegistry
from ops.registry.snapshots.hardlinks import Linker
from ops.registry.snapshots.store import Snapshot, SnapshotState
from ops.registry.tree import RegistryTree, entry_of


def roll_back(live: LiveRegistry, task: str) -> list[str]:
    """Put back what killed collections have removed, so that nothing depends on how far they came.

    To be called with the store locked.

    Args:
        live: The registry.
        task: Who does it, for those who ask why writes are refused.

    Returns:
        The names of their snapshots.

    Raises:
        ReadOnlyModeError: It cannot be turned on, or writes in flight do not finish in time.
    """
    killed = [one for one in live.store.all() if one.state == SnapshotState.SWEEPING]
    if killed:
        with live.writes_refused(task, "a collection that was killed is being undone"):
            for snapshot in killed:
                put_back_removed(live, snapshot)
            live.flush()
    live.read_only.turn_off_if_orphaned()
    return [one.name for one in killed]


def put_back_removed(live: LiveRegistry, snapshot: Snapshot) -> None:
    """Put back all that a collection has noted as removed; its snapshot is then rolled back."""
    put_back(snapshot.tree, live.tree, snapshot.removed(), live.store.restorer())
    snapshot.become(SnapshotState.ROLLED_BACK)


def put_back(source: RegistryTree, tree: RegistryTree, paths: Sequence[str], linker: Linker) -> int:
    """Give files of a copy back to the live tree where they are missing, in an order in which nothing points nowhere.

    Returns:
        How many were missing.
    """
    known = [(entry.kind, path) for path in paths if (entry := entry_of(path)) is not None]
    return sum(linker.put(f"{source.top}/{path}", f"{tree.top}/{path}") for _, path in sorted(known))
