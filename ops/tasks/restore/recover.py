"""Recovers a stack that has lost everything: its state and its registry come back from a backup, before services start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from docker.errors import NotFound

from ops.backups.recovery import Recovery, note_recovery, recovery_of
from ops.backups.repository import BackupRepository, repository_of
from ops.backups.restic import Backup
from ops.backups.state import remove_beside, row_of
from ops.config import ConfigError, RecoverySettings, container_name
from ops.core import exit_codes
from ops.core.docker_engine import EngineError, connected
from ops.core.files import copy_mode_and_owner
from ops.core.findings import and_more
from ops.registry.cache import NoCache
from ops.registry.client import ANY_MANIFEST, RegistryClient, digest_of
from ops.registry.live import LiveRegistry
from ops.registry.read_only import WritesInFlight
from ops.registry.restore.model import RestoreScope
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.transport import PooledEndpoint
from ops.stack.registry import operator_login, read_only_of, tree_of
from ops.stack.stack import Stack
from ops.tasks.restore.run import FromBackup, Source, restore_from
from ops.tasks.restore.state import fetched_state

_EVERYTHING = RestoreScope.of("", everything=True)
# Which of its own records show that a service has run here before; the registry's tree is the other one.
_USED = ("data/edge", "data/gateway")
_DATA = "data"
_MINUTE_S = 60
# A gateway or an edge that has just started.
_PATIENCE_S = 60

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Recovered:
    """What came of it.

    Attributes:
        recovery: How far it has come.
        summary: In a line.
        exit_code: See `ops.core.exit_codes`.
    """

    recovery: Recovery
    summary: str
    exit_code: int = exit_codes.OK


def recover(stack: Stack, tell: Tell) -> Recovered:
    """Restore everything, once, onto a host that has nothing. Services must not run yet. A killed run is gone on with.

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
    if _runs(stack):
        raise ConfigError(
            ["recover: it had begun, but services run by now; remove it, and run `regops restore` for what is missing"]
        )
    return _restored(stack, *_chosen(stack, asked, begun, tell), tell)


def check_recovered(stack: Stack) -> Recovered:
    """Ask the registry for every tag of the backup, as anybody would, and say how long the recovery took.

    Raises:
        ConfigError: There was no recovery.
        BackupError: The backup cannot be read.
        RegistryError: The registry does not answer.
    """
    recovery = recovery_of(stack)
    if recovery is None:
        raise ConfigError(["no recovery has begun; run `up` with `recover` in this stack's settings"])
    if not recovery.backup:
        return Recovered(recovery, "nothing was recovered")
    if recovery.served:  # it has failed for that once; what is lost stays lost, and `up` goes on
        return Recovered(recovery, _told(recovery))
    served = time.time()
    problems = [*recovery.problems, *_unserved(stack, recovery)]
    recovery = replace(recovery, served=served, problems=tuple(problems))
    note_recovery(stack, recovery)
    return Recovered(recovery, _told(recovery), exit_codes.MISMATCH if problems else exit_codes.OK)


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
    _bring_state(stack, backups, backup)
    done = _bring_registry(stack, Source(backups, backup, backups.index(backup)), tell)
    problems = [f"{digest} is damaged in the backup" for digest in done.damaged]
    problems += [f"{image} lacks a blob" for image in done.report.plan.incomplete]
    recovery = replace(recovery, restored=time.time(), problems=tuple(problems))
    note_recovery(stack, recovery)
    took = recovery.restored - recovery.began
    said = f"recovered {len(done.report.plan.tags)} tags from backup {backup.name} in {took:.1f} s"
    if problems:
        return Recovered(recovery, f"{said}, but {problems[0]}{and_more(problems)}")
    return Recovered(recovery, said)


def _bring_registry(stack: Stack, source: Source, tell: Tell) -> FromBackup:
    """Restore all images into the tree that the registry will serve."""
    tree = tree_of(stack)
    tree.root.mkdir(parents=True, exist_ok=True)
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    # Nobody writes yet, and the cache starts empty.
    waiting = LiveRegistry(tree, store, read_only_of(stack), WritesInFlight, NoCache())
    return restore_from(source, waiting, _EVERYTHING, lambda blobs: tell(f"fetching {blobs} blobs …"))


def _bring_state(stack: Stack, backups: BackupRepository, backup: Backup) -> None:
    """Put what services and tasks keep where they look for it. The program has put its own secrets there already."""
    with fetched_state(backups, backup, _DATA) as data:
        for path in sorted(one for one in data.rglob("*") if one.is_file() and not one.is_symlink()):
            name = f"{_DATA}/{path.relative_to(data).as_posix()}"
            row = row_of(name)
            if row and not row.skipped:
                _put(path, stack.root / name)


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


def _unserved(stack: Stack, recovery: Recovery) -> list[str]:
    """Return the tags of the backup that the registry does not serve, unless they were pushed again since."""
    config, problems = stack.config, list[str]()
    backups, tree = repository_of(stack), tree_of(stack)
    backup = _named(recovery.backup, backups.all())
    if backup is None:
        return [f"backup {recovery.backup[:8]} is gone, so that nobody knows which tags it had"]
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        client = RegistryClient(endpoint, operator_login(stack), until=time.monotonic() + _PATIENCE_S)
        for repository, had in backups.index(backup).items():
            for tag, digest in had.tags.items():
                if tree.tagged(repository, tag) in {digest, None}:
                    answer = client.manifest(repository, tag, ANY_MANIFEST)
                    if answer.status != HTTPStatus.OK or digest not in {
                        digest_of(answer.body),
                        answer.headers.get("Docker-Content-Digest"),
                    }:
                        problems.append(f"{repository}:{tag} is not served as {digest} (status {answer.status})")
    return problems


def _told(recovery: Recovery) -> str:
    problems = recovery.problems
    return f"{problems[0]}{and_more(problems)}; {_figures(recovery)}" if problems else _figures(recovery)


def _figures(recovery: Recovery) -> str:
    """Return how long it took, and how much was lost."""
    first, whole = recovery.served - recovery.began, recovery.restored - recovery.began
    return (
        f"recovered from backup {recovery.backup[:8]}: everything back after {whole:.1f} s, first pull after {first:.1f} s; "
        f"what was pushed after {recovery.made_at} is lost ({recovery.lost_s / _MINUTE_S:.0f} min)"
    )
