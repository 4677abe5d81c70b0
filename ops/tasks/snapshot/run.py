"""Snapshots of a stack's registry: lists, creates and deletes them, and restores from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ops.core import exit_codes
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.restore.model import RestorePlan, RestoreReport, RestoreScope
from ops.registry.restore.plan import plan, resolved
from ops.registry.restore.run import TASK as RESTORE
from ops.registry.restore.run import restore as restore_live
from ops.registry.snapshots.recovery import heal, roll_back
from ops.registry.snapshots.store import Snapshot, SnapshotStore
from ops.runs.task import Outcome
from ops.stack.budget import Allowed, guarded
from ops.stack.places import tree_of
from ops.stack.registry import live_registry
from ops.stack.stack import Stack

_TASK = "snapshot"
_WHY = "snapshot"


@dataclass(frozen=True)
class Created:
    """A new snapshot.

    Attributes:
        name: Its name.
        expired: Names of the old snapshots that were deleted.
        held: Bytes that all snapshots hold.
    """

    name: str
    expired: list[str]
    held: int

    @property
    def outcome(self) -> Outcome:
        """How the task ended."""
        return Outcome(exit_codes.OK, f"created {self.name}", {"bytes": self.held})


def snapshots(stack: Stack) -> tuple[list[Snapshot], dict[str, int]]:
    """Return all snapshots, the oldest first, and by name the bytes that deleting one frees."""
    store = _store(stack)
    return store.all(), store.sizes()


def create(stack: Stack) -> Created:
    """Create a snapshot, then delete those that are too old or too many.

    Raises:
        ReadOnlyModeError: A killed collection has to be rolled back first, and read-only mode cannot be turned on.
        NoSpaceError: The disk is full.
        LockedError: Another task is using the snapshots.
    """
    kept = stack.config.undo
    with live_registry(stack) as live, live.store.locked(_TASK):
        roll_back(live, _TASK)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        made = live.store.create(_WHY, index_of(listing))
        expired = live.store.drop_expired(keep=kept.snapshots, max_age=timedelta(days=kept.days))
        return Created(made.name, expired, sum(live.store.sizes().values()))


def delete(stack: Stack, name: str) -> int:
    """Delete a snapshot; return how many bytes that frees.

    Raises:
        SnapshotError: There is no such snapshot, or a killed collection has to be rolled back from it first.
        LockedError: Another task is using the snapshots.
    """
    store = _store(stack)
    with store.locked(_TASK):
        freed = store.get(name).size()
        store.remove(name)
        return freed


def preview(stack: Stack, name: str, scope: RestoreScope) -> RestorePlan:
    """Return what would be restored. Nothing changes.

    Args:
        stack: Whose registry.
        name: Of the snapshot, or `latest`.
        scope: What to restore.

    Raises:
        RestoreError: There is no snapshot, or it does not have what was asked for.
        SnapshotError: There is no snapshot of this name.
        LockedError: Another task is using the snapshots.
        TreeError: A link of the registry is damaged.
    """
    store = _store(stack)
    with store.locked(_TASK):
        return plan(store, store.get(resolved(store, name, scope)), scope)


def restore(stack: Stack, name: str, scope: RestoreScope, allowed: Collection[Allowed] = ()) -> RestoreReport:
    """Restore what a snapshot has and the registry lacks.

    Args:
        stack: Whose registry.
        name: Of the snapshot, or `latest`.
        scope: What to restore.
        allowed: Checks that are overridden.

    Raises:
        OverBudgetError: Writes would be refused for longer than the error budget has left.
        RestoreError: There is no snapshot, it does not have what was asked for, or a tag was pushed in the meantime.
        SnapshotError: There is no snapshot of this name, or no room for another one.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
        LockedError: Another task is using the snapshots.
        TreeError: A link or manifest of the snapshot is damaged.
    """
    with live_registry(stack) as live:
        return restore_live(guarded(live, stack, RESTORE, allowed), name, scope)


def _store(stack: Stack) -> SnapshotStore:
    return SnapshotStore(stack.root / stack.config.snapshots, tree_of(stack))
