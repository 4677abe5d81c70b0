"""Restores from a snapshot while writes are held, blobs before what points to them. The next run completes a killed one."""

from __future__ import annotations

from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.live import LiveRegistry
from ops.registry.manifests import image_problems
from ops.registry.restore.model import Overwrite, RestoreError, RestorePlan, RestoreReport, RestoreScope
from ops.registry.restore.plan import plan, resolved
from ops.registry.snapshots.recovery import leading_to_tags, put_back, roll_back
from ops.registry.snapshots.trash import explained
from ops.registry.tree import Entry, Kind, RegistryTree

TASK = "restore"
_WHY = "before-restore"
_EVERY = 500


def restore(live: LiveRegistry, name: str, scope: RestoreScope) -> RestoreReport:
    """Restore what a snapshot has and the live tree lacks.

    Args:
        live: The registry.
        name: Of the snapshot, or `latest`.
        scope: What to restore.

    Raises:
        RestoreError: The snapshot does not have it, or a tag was pushed in the meantime.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
        SnapshotError: There is no such snapshot, or no room for another one.
        LockedError: Another task is using the snapshots.
        TreeError: A link of the registry is damaged.
        OverBudgetError: Writes would be refused for longer than may be.
    """
    with live.store.locked(TASK):
        roll_back(live, TASK)
        snapshot = live.store.get(resolved(live.store, name, scope))
        todo = plan(live.store, snapshot, scope)
        live.step("planned")
        if not todo.missing and not todo.overwritten:
            live.flush()  # a run that was killed may have restored everything, and got no further
            return RestoreReport(todo, 0, "", ())
        files = len(todo.files) + len(todo.overwritten)
        live.may_hold(files)
        before = live.store.create(_WHY, index_of(listing_of(live.tree)), image=live.image).name if todo.overwritten else ""
        live.step("copied")
        with live.writes_held(TASK, f"{scope.repository or 'the registry'} is being restored"):
            for change in todo.overwritten:
                _unmoved(live.tree, change)
            restored = _put_back_all(live, todo)
            live.read_only.changed = files
            live.step("restored")
            live.read_only.extend()
            live.flush()
            live.step("flushed")
        problems = image_problems(live.tree, scope.repository, scope.tag) if scope.tag else []
    return RestoreReport(todo, restored, before, tuple(problems))


def _unmoved(tree: RegistryTree, change: Overwrite) -> None:
    """Check that a tag still points to what it did when the snapshot before this restore was made."""
    if tree.tagged(change.repository, change.tag) not in {change.now, None}:
        raise RestoreError(f"{change.repository}:{change.tag} was pushed in the meantime; run it again")


def _put_back_all(live: LiveRegistry, todo: RestorePlan) -> int:
    """Put back all files, not only those that were missing at planning time; others may have been deleted since."""
    restored, files = 0, leading_to_tags(live.tree, todo.files)
    for start in range(0, len(files), _EVERY):
        live.read_only.extend()
        restored += put_back(live.store, files[start : start + _EVERY])
        live.step("restoring")
    restorer = live.store.restorer()
    with explained(live.tree.root):
        for change in todo.overwritten:
            restorer.replace(Entry(Kind.TAG, change.then, change.repository, change.tag), change.then)
            restored += 1
    return restored
