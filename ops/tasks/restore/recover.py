"""Recovers a stack that has lost everything, before services start: its state, and a registry that serves what the backup has.

Where a backup can be mounted, only pointers come back now, and blobs are served from it; `whole` brings them behind that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from docker.errors import NotFound

from ops.backups.errors import BackupError
from ops.backups.recovery import Recovery, note_recovery, recovery_of
from ops.backups.repository import BackupRepository, repository_of
from ops.backups.state import remove_beside, row_of
from ops.backups.told import Backup
from ops.catalogue.errors import CatalogueError
from ops.catalogue.shipped import take_in
from ops.config import ConfigError, RecoverySettings, container_name
from ops.core.docker_engine import EngineError, connected
from ops.core.files import copy_mode_and_owner
from ops.core.findings import and_more
from ops.registry.cache import NoCache
from ops.registry.index import linked_blobs
from ops.registry.live import LiveRegistry
from ops.registry.read_only import WritesInFlight
from ops.registry.restore.model import RestoreScope
from ops.registry.restore.plan import leading_somewhere
from ops.registry.snapshots.images import link_record
from ops.registry.snapshots.recovery import put_back
from ops.registry.snapshots.store import SnapshotStore
from ops.stack.places import tree_of
from ops.stack.registry import read_only_of
from ops.stack.stack import Stack
from ops.tasks.restore.model import Recovered
from ops.tasks.restore.placeholders import Placeholders, mount_of
from ops.tasks.restore.run import Source, restore_from
from ops.tasks.restore.state import fetched_state

_EVERYTHING = RestoreScope.of("", everything=True)
# Which of its own records show that a service has run here before; the registry's tree is the other one.
_USED = ("data/edge", "data/gateway")
_DATA, _TASK = "data", "recover"

Tell = Callable[[str], None]


def recover(stack: Stack, tell: Tell) -> Recovered:
    """Restore what services need to start, once, onto a host that has nothing. They must not run yet. A killed run goes on.

    Where the backup can be mounted, blobs are served from it; `complete` brings them later. Elsewhere they come now.

    Args:
        stack: The stack; its settings say which backup.
        tell: Called with progress.

    Raises:
        ConfigError: The settings ask for no recovery, or services run already.
        BackupError: There is no such backup, or it cannot be read.
        NoSpaceError: The disk is full.
    """
    asked = stack.config.recover
    if asked is None:
        raise ConfigError(["recover: is not set in this stack's settings; `regops restore` restores into a running registry"])
    known = recovery_of(stack)
    if known is not None and known.is_done and known.asked == str(asked):
        return Recovered(known, f"already recovered from {known.backup[:8]}" if known.backup else "nothing to recover")
    begun = known if known is not None and not known.is_done else None
    if begun is None and (found := _in_use(stack)):
        recovery = Recovery(str(asked))
        note_recovery(stack, recovery)
        return Recovered(recovery, f"nothing is recovered, since this stack has content ({found}); `regops restore` adds to it")
    if begun and begun.pointers:
        return Recovered(begun, "the registry can start; `regops recover --check` brings what it still serves from the backup")
    if _runs(stack):
        raise ConfigError(
            ["recover: it had begun, but services run by now; remove it, and run `regops restore` for what is missing"]
        )
    return _restored(stack, *_chosen(stack, asked, begun, tell), tell)


def _chosen(stack: Stack, asked: RecoverySettings, begun: Recovery | None, tell: Tell) -> tuple[Recovery, Backup]:
    """Return what is recovered, and from which backup: what had begun goes on, unless somebody has removed its backup since."""
    backups = repository_of(stack)
    found = backups.all()
    if begun is not None:
        if backup := _named(begun.backup, found):
            return begun, backup
        tell(f"backup {begun.backup[:8]}, with which a recovery had begun, is gone; choosing one anew …")
    backup = backups.find(asked.backup, at=asked.at, among=found)
    recovery = Recovery(str(asked), backup.id, backup.made_at.isoformat(timespec="seconds"), time.time())
    note_recovery(stack, recovery)
    return recovery, backup


def _named(name: str, backups: Iterable[Backup]) -> Backup | None:
    return next((one for one in backups if one.id == name), None)


def _restored(stack: Stack, recovery: Recovery, backup: Backup, tell: Tell) -> Recovered:
    backups = repository_of(stack)
    tell(f"recovering from backup {backup.name}, made {recovery.made_at} …")
    _bring_state(stack, backups, backup, tell)
    source = Source(backups, backup, backups.index(backup))
    tree = tree_of(stack)
    tree.root.mkdir(parents=True, exist_ok=True)
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    placeholders, problems = _serving(stack, source, tell), list[str]()
    if placeholders:
        incomplete = _bring_pointers(store, source, placeholders)
    else:
        # Nobody writes yet, and the cache starts empty.
        waiting = LiveRegistry(tree, store, read_only_of(stack), WritesInFlight, NoCache())
        done = restore_from(source, waiting, _EVERYTHING, lambda blobs: tell(f"fetching {blobs} blobs …"))
        problems = [f"{digest} is damaged in the backup" for digest in done.damaged]
        incomplete = set(done.report.plan.incomplete)
    problems += [f"{image} lacks a blob" for image in sorted(incomplete)]
    now = time.time()
    recovery = replace(recovery, pointers=now, restored=0.0 if placeholders else now, problems=tuple(problems))
    note_recovery(stack, recovery)
    tags = sum(f"{name}:{tag}" not in incomplete for name, one in source.index.items() for tag in one.tags)
    said = f"recovered {tags} tags from backup {backup.name} in {now - recovery.began:.1f} s"
    if placeholders:
        said += "; blobs are served from the backup until they are here"
    if problems:
        return Recovered(recovery, f"{said}, but {problems[0]}{and_more(problems)}")
    return Recovered(recovery, said)


def _serving(stack: Stack, source: Source, tell: Tell) -> Placeholders | None:
    """Mount the backup for the registry; return None where that cannot be."""
    mount = mount_of(stack)
    placeholders = Placeholders(tree_of(stack), mount.content(source.backup))
    try:
        mount.start(source.backup)
    except BackupError as error:
        tell(f"nothing can be served before it is here: {error}")
        placeholders.remove(linked_blobs(source.index.values()))  # of an earlier try
        return None
    return placeholders


def _bring_pointers(store: SnapshotStore, source: Source, placeholders: Placeholders) -> set[str]:
    """Restore all tags and links, and let the registry read blobs from the backup; return the images that lack some."""
    links = [link_record(entry, one) for name, one in source.index.items() for entry in one.entries(name)]
    with store.locked(_TASK):
        missing = placeholders.place(linked_blobs(source.index.values()))
        links, incomplete = leading_somewhere(store, links, missing)
        put_back(store, links)
    return incomplete


def _bring_state(stack: Stack, backups: BackupRepository, backup: Backup, tell: Tell) -> None:
    """Put what services and tasks keep where they look for it. The program has put its own secrets there already."""
    with fetched_state(backups, backup, _DATA) as data:
        for path in sorted(one for one in data.rglob("*") if one.is_file() and not one.is_symlink()):
            name = f"{_DATA}/{path.relative_to(data).as_posix()}"
            row = row_of(name)
            if row and not row.skipped:
                _put(path, stack.root / name)
    try:
        take_in(stack.root)  # the repository's catalogue may be newer than the backup
    except CatalogueError as error:
        tell(str(error))


def _put(source: Path, target: Path) -> None:
    _make_folder(target.parent)
    # What is beside a database belongs to the one that was made here meanwhile.
    remove_beside(target)
    source.replace(target)


def _make_folder(folder: Path) -> None:
    """Make a folder that belongs to whom the one above it does: services renew their certificates in it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir()
    copy_mode_and_owner(folder, folder.parent.stat())


def _runs(stack: Stack) -> bool:
    """Whether the registry runs: what it and the others keep must not be replaced beneath them."""
    try:
        with connected() as engine:
            return engine.containers.get(container_name(stack.config.stack, "registry")).status == "running"
    except (EngineError, NotFound):
        return False


def _in_use(stack: Stack) -> str:
    """Return what shows that services have run here; empty if nothing does."""
    folders = [tree_of(stack).top, *(stack.root / name for name in _USED)]
    return next((str(folder) for folder in folders if folder.is_dir() and any(one.is_file() for one in folder.rglob("*"))), "")
