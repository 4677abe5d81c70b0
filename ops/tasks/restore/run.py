"""A restore from a backup: fetches what is missing, then restores it as a snapshot is restored."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ops.backups.recovery import is_awaited
from ops.backups.repository import LATEST, BackupRepository, repository_of
from ops.backups.told import Backup
from ops.core import exit_codes
from ops.registry.cache import NoCache
from ops.registry.index import Index, linked_blobs
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.restore.model import RestoreError, RestoreReport, RestoreScope
from ops.registry.restore.plan import check_expected, has
from ops.registry.restore.run import TASK
from ops.registry.restore.run import restore as restore_live
from ops.registry.snapshots.recovery import roll_back
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.stack.budget import Allowed, guarded
from ops.stack.places import tree_of
from ops.stack.registry import live_registry
from ops.stack.stack import Stack
from ops.tasks.restore.fetch import Fetching
from ops.tasks.restore.placeholders import mount_of

_WORK = ".regops"


@dataclass(frozen=True)
class Chosen:
    """Which backup to restore from.

    Attributes:
        name: Its name, or `latest`.
        at: The latest one that was made by then, instead.
    """

    name: str = LATEST
    at: datetime | None = None


@dataclass(frozen=True)
class FromBackup:
    """A restore from a backup that has ended.

    Attributes:
        backup: Which one.
        report: What was restored.
        fetched: How many blobs were fetched.
        damaged: Blobs of the backup that are damaged, and were left out.
    """

    backup: Backup
    report: RestoreReport
    fetched: int
    damaged: list[str]

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.MISMATCH if self.damaged else self.report.exit_code

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.damaged:
            return f"{len(self.damaged)} blobs are damaged in backup {self.backup.name}, {self.damaged[0]} for one"
        return f"from backup {self.backup.name}: {self.report.summary}"


@dataclass(frozen=True)
class Preview:
    """What a restore from a backup would do.

    Attributes:
        backup: Which one.
        missing: Tags that the registry lacks, as `repository:tag`.
        differing: Tags that point to something else now.
        blobs: How many blobs would be fetched; None when that is only known once a manifest is here.
    """

    backup: Backup
    missing: list[str]
    differing: list[str]
    blobs: int | None


def preview(stack: Stack, chosen: Chosen, scope: RestoreScope) -> Preview:
    """Return what a restore would do. Nothing changes.

    Raises:
        BackupError: There is no such backup.
        RestoreError: It does not have what was asked for.
    """
    found = source_of(stack, chosen, scope)
    index = found.index
    tree = tree_of(stack)
    names = [scope.repository] if scope.repository else list(index)
    tags = {
        f"{name}:{tag}": (digest, tree.tagged(name, tag))
        for name in names
        for tag, digest in index[name].tags.items()
        if (not scope.tag or tag == scope.tag) and (not scope.digest or digest == scope.digest)
    }
    linked = linked_blobs(index[name] for name in names)
    return Preview(
        found.backup,
        missing=sorted(tag for tag, (_, now) in tags.items() if now is None),
        differing=sorted(tag for tag, (then, now) in tags.items() if now not in {None, then}),
        blobs=None if scope.tag or scope.digest else sum(not tree.blob(digest).exists() for digest in linked),
    )


def restore(
    stack: Stack, chosen: Chosen, scope: RestoreScope, tell: Callable[[int], None], allowed: Collection[Allowed] = ()
) -> FromBackup:
    """Restore into the running registry what a backup has and the registry lacks.

    Args:
        stack: Whose registry.
        chosen: Which backup.
        scope: What to restore.
        tell: Called with the number of blobs that are fetched next.
        allowed: Checks that are overridden.

    Raises:
        OverBudgetError: Writes would be refused for longer than the error budget has left.
        BackupError: There is no such backup, or it cannot be read.
        RestoreError: It does not have what was asked for, or a tag was pushed in the meantime.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
        NoSpaceError: The disk is full.
        LockedError: Another task is using the snapshots.
    """
    found = source_of(stack, chosen, scope)
    if not is_awaited(stack):
        mount_of(stack).stop()  # of a recovery that was given up: what it served counts as missing now
    with live_registry(stack) as live:
        return restore_from(found, guarded(live, stack, TASK, allowed), scope, tell)


def restore_to(stack: Stack, chosen: Chosen, scope: RestoreScope, folder: Path, tell: Callable[[int], None]) -> FromBackup:
    """Restore to a folder, in the registry's own layout: a plain registry serves it.

    Args:
        stack: Whose backups.
        chosen: Which backup.
        scope: What to restore.
        folder: The folder, which is made if it does not exist; what is there already stays.
        tell: Called with the number of blobs that are fetched next.

    Raises:
        BackupError: There is no such backup, or it cannot be read.
        RestoreError: It does not have what was asked for.
        NoSpaceError: The disk is full.
    """
    found = source_of(stack, chosen, scope)
    with _standing_alone(folder) as live:
        beside = replace(found.backups, folder=folder / _WORK)
        return restore_from(replace(found, backups=beside), live, scope, tell)


@dataclass(frozen=True)
class Source:
    """A backup that is restored from.

    Attributes:
        backups: Where it is.
        backup: Which one.
        index: What the registry had.
    """

    backups: BackupRepository
    backup: Backup
    index: Index


def source_of(stack: Stack, chosen: Chosen, scope: RestoreScope) -> Source:
    """Find the backup to restore from.

    Raises:
        BackupError: There is none.
        RestoreError: It does not have what was asked for, or the tag is not what it is expected to be.
    """
    check_expected(tree_of(stack), scope)
    backups = repository_of(stack)
    backup = backups.find(chosen.name, at=chosen.at)
    index = backups.index(backup)
    if not has(index, scope):
        raise RestoreError(f"backup {backup.name} has no {scope}; `regops backups` lists the others")
    return Source(backups, backup, index)


def restore_from(source: Source, live: LiveRegistry, scope: RestoreScope, tell: Callable[[int], None]) -> FromBackup:
    """Restore into a registry; see `restore`."""
    fetching = Fetching(source.backups, source.backup, live.store, tell)
    with live.store.locked(TASK):
        roll_back(live, TASK)
        snapshot = fetching.bring(source.index, scope)
        live.step("fetched")
    report = restore_live(live, snapshot.name, scope)
    return FromBackup(source.backup, report, fetching.fetched, fetching.damaged)


@contextlib.contextmanager
def _standing_alone(folder: Path) -> Iterator[LiveRegistry]:
    """Yield a tree that no registry serves as if one did."""
    folder.mkdir(parents=True, exist_ok=True)
    tree, work = RegistryTree(folder), folder / _WORK
    yield LiveRegistry(tree, SnapshotStore(work / "snapshots", tree), ReadOnlyMode(work / "gate"), WritesInFlight, NoCache())
    shutil.rmtree(work, ignore_errors=True)
