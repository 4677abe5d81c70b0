"""Restores what a service keeps beside the registry: into its place while the service is stopped, or to a folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ops.backups.repository import BackupRepository, repository_of
from ops.backups.state import ROWS, STATE
from ops.backups.told import Backup
from ops.core.docker_engine import connected
from ops.core.files import copy_mode_and_owner
from ops.core.layout import MIRROR_FOLDER
from ops.registry.restore.model import RestoreError
from ops.registry.snapshots.trash import explained
from ops.stack.stack import Stack
from ops.tasks.restore.run import Chosen

# Written by `up` from the settings and the state; or by tasks, which would write on while it is replaced.
_TO_FOLDERS_ONLY = ("secrets", "current/regops", "data/regops", MIRROR_FOLDER)
_STOP_S = 30


@dataclass(frozen=True)
class StateRestored:
    """What was restored.

    Attributes:
        backup: From which backup.
        path: What it is, as a path below the stack's folder.
        files: How many files it has.
        where: Where they are now.
        before: Where the state before is; empty if there was none.
        restarted: Names of the containers that were stopped meanwhile.
    """

    backup: str
    path: str
    files: int
    where: str
    before: str = ""
    restarted: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What was done, in a line."""
        said = f"{self.where} is as it was in backup {self.backup} ({self.files} files)"
        return f"{said}; the state before is in {self.before} until the next restore of it" if self.before else said


def kept_states() -> list[str]:
    """Return what a backup keeps beside the registry, as paths below the stack's folder."""
    kept = [PurePosixPath(row.path) for row in ROWS if not row.skipped]
    return [path.as_posix() for path in kept if not any(path != one and path.is_relative_to(one) for one in kept)]


def restore_state(
    stack: Stack, chosen: Chosen, path: str, tell: Callable[[str], None], *, to: Path | None = None, dry_run: bool = False
) -> StateRestored:
    """Restore one of `kept_states`. A run that was killed has replaced it or not; the next one does all of it again.

    Args:
        stack: Whose.
        chosen: Which backup.
        path: Which state.
        tell: Called with what is done next.
        to: A folder for it, which must not exist; None for its own place.
        dry_run: Whether only to say what would be done.

    Raises:
        RestoreError: There is no such state, or it cannot be restored like this.
        BackupError: There is no such backup, or it cannot be read.
        EngineError: The Docker engine does not answer.
        NoSpaceError: The disk is full.
    """
    if path not in kept_states():
        raise RestoreError(f"no backup has {path}; it has {', '.join(kept_states())}")
    if to is None and path in _TO_FOLDERS_ONLY:
        raise RestoreError(f"{path} is written by `up` or by tasks that may be running; restore it to a folder with --to")
    if to is not None and to.exists():
        raise RestoreError(f"{to} exists already; name another folder")
    backups, place = repository_of(stack), stack.root / path
    backup = backups.find(chosen.name, at=chosen.at)
    before, names = backups.folder / "replaced" / path, list[str]()
    with explained(backups.folder), fetched_state(backups, backup, path) as found:
        files = sum(one.is_file() for one in found.rglob("*"))
        if not files:
            raise RestoreError(f"backup {backup.name} has nothing of {path}")
        if to is not None and not dry_run:
            shutil.copytree(found, to)
        elif not dry_run:
            with _stopped(place, tell) as names:
                _swap(found, place, before)
    kept = str(before) if to is None and not dry_run and before.exists() else ""
    return StateRestored(backup.name, path, files, str(to or place), kept, tuple(names))


@contextlib.contextmanager
def fetched_state(backups: BackupRepository, backup: Backup, path: str) -> Iterator[Path]:
    """Yield the folder of what a backup has of a state, which is removed afterwards. It does not exist if there is nothing.

    Args:
        backups: Where the backup is.
        backup: The backup.
        path: The state, as a path below the stack's folder.

    Raises:
        BackupError: It cannot be read.
    """
    scratch = backups.folder / "state"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    try:
        backups.restic.fetch(backup.id, scratch, [f"{STATE}/{path}"])
        yield scratch / STATE / path
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _swap(found: Path, place: Path, before: Path) -> None:
    """Put a folder in the place of another one, which is kept. Killed after any step, it can be done again."""
    owner = (place if place.exists() else place.parent).stat()
    for folder in (found, *(one for one in found.rglob("*") if one.is_dir() and not one.is_symlink())):
        copy_mode_and_owner(folder, owner)
    if place.exists():
        shutil.rmtree(before, ignore_errors=True)
        before.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.replace(before)
    found.replace(place)


@contextlib.contextmanager
def _stopped(place: Path, tell: Callable[[str], None]) -> Iterator[list[str]]:
    """Stop the running containers that see a folder, and start them again, whatever happens meanwhile."""
    with connected() as engine, contextlib.ExitStack() as started:
        seeing = [
            one
            for one in engine.containers.list()
            if any(Path(mount.get("Source") or "/nowhere").is_relative_to(place) for mount in one.attrs["Mounts"])
        ]
        for container in seeing:
            tell(f"stopping {container.name} …")
            started.callback(container.start)
            container.stop(timeout=_STOP_S)
        yield [str(container.name) for container in seeing]
        tell("starting what was stopped …")
