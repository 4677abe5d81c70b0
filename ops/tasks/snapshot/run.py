"""Undo, done: in read-only mode, what points after what it points to; killed at any step, the next run completes it."""

from __future__ import annotations

from dataclasses import dataclass

from ops.registry.live import LiveRegistry
from ops.registry.manifests import image_problems
from ops.registry.snapshots.hardlinks import explained
from ops.registry.snapshots.recovery import put_back, roll_back
from ops.registry.snapshots.store import Snapshot
from ops.registry.tree import RegistryTree
from ops.tasks.snapshot.plan import Overwrite, RestoreError, RestorePlan, RestoreScope, plan

_TASK = "restore"
_WHY = "before-restore"
_EVERY = 500


@dataclass(frozen=True)
class RestoreReport:
    """What came back.

    Attributes:
        plan: What was to come back.
        restored: How many files were given back.
        before: The snapshot from which this can be undone; empty when no tag was set back.
        problems: What is wrong with the tag that was asked for.
    """

    plan: RestorePlan
    restored: int
    before: str
    problems: tuple[str, ...]


def restore(live: LiveRegistry, name: str, scope: RestoreScope) -> RestoreReport:
    """Give back what a snapshot holds.

    Raises:
        RestoreError: The snapshot does not hold it, or a tag was moved meanwhile.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time. Nothing was changed.
        SnapshotError: There is no such snapshot, no room, or another task works with them.
        TreeError: A link or manifest of the snapshot is damaged.
    """
    with live.store.locked(_TASK):
        roll_back(live, _TASK)
        snapshot = live.store.get(name)
        todo = plan(live.tree, snapshot, scope)
        live.step("planned")
        if not todo.missing and not todo.overwritten:
            live.flush()  # a run that was killed may have given all back, and come no further
            return RestoreReport(todo, 0, "", ())
        before = live.store.create(_WHY, image=live.image).name if todo.overwritten else ""
        live.step("copied")
        with live.writes_refused(_TASK, f"{scope.repository or 'the registry'} is being restored"):
            for change in todo.overwritten:
                _unmoved(live.tree, change)
            restored = _put_back_all(live, snapshot, todo)
            live.step("restored")
            live.read_only.extend()
            live.flush()
            live.step("flushed")
        problems = image_problems(live.tree, scope.repository, scope.tag) if scope.tag else []
    return RestoreReport(todo, restored, before, tuple(problems))


def _unmoved(tree: RegistryTree, change: Overwrite) -> None:
    """Check that a tag names what it did when the snapshot before the undo was made."""
    if tree.tagged(change.repository, change.tag) not in {change.now, None}:
        raise RestoreError(f"{change.repository}:{change.tag} was pushed meanwhile; run it again")


def _put_back_all(live: LiveRegistry, snapshot: Snapshot, todo: RestorePlan) -> int:
    """Put back all files, not only those that were missing when it was planned; some may have gone since."""
    linker = live.store.restorer()
    restored = 0
    with explained(snapshot.folder, live.tree.root):
        for start in range(0, len(todo.files), _EVERY):
            live.read_only.extend()
            restored += put_back(snapshot.tree, live.tree, todo.files[start : start + _EVERY], linker)
            live.step("restoring")
        for change in todo.overwritten:
            paths = (tree.tag(change.repository, change.tag) for tree in (snapshot.tree, live.tree))
            source, target = (str(path) for path in paths)
            linker.replace(source, target)
            restored += 1
    return restored
