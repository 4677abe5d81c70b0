"""The snapshots of one tree, in a folder on the same file system: created completely or not at all, listed, expired."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ops.core.files import write_atomic
from ops.core.locks import lock
from ops.registry.snapshots.hardlinks import Linker, SnapshotError, copy_tree
from ops.registry.tree import RegistryTree

SCHEMA = 1
_LOCK = ".lock"
_MANIFEST = "snapshot.json"
_REMOVED = "removed.txt"
_TREE = "tree"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_MODE = 0o600


class SnapshotState(StrEnum):
    """How far the task that a snapshot was made for has got."""

    KEPT = "kept"
    SWEEPING = "sweeping"
    SWEPT = "swept"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True)
class Snapshot:
    """A copy of the tree.

    Attributes:
        folder: Where it is.
        made_at: When it was made, in UTC.
        why: The task that it was made for, in one word.
        image: Digest of the registry's image at that time; empty if unknown.
        state: How far that task has got.
    """

    folder: Path
    made_at: datetime
    why: str
    image: str = ""
    state: SnapshotState = SnapshotState.KEPT

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def tree(self) -> RegistryTree:
        """The copy."""
        return RegistryTree(self.folder / _TREE)

    def removed(self) -> list[str]:
        """Return what the garbage collector deleted, or was about to: paths below the tree's version folder."""
        try:
            return (self.folder / _REMOVED).read_text().splitlines()
        except FileNotFoundError:
            return []

    def note_removed(self, paths: Iterable[str]) -> None:
        """Record what is about to be deleted."""
        write_atomic(self.folder / _REMOVED, "".join(f"{path}\n" for path in paths), mode=_MODE)

    def become(self, state: SnapshotState) -> Snapshot:
        """Record how far the task has got."""
        changed = replace(self, state=state)
        document = asdict(changed) | {"schema": SCHEMA, "made_at": self.made_at.isoformat()}
        del document["folder"]
        write_atomic(self.folder / _MANIFEST, json.dumps(document, indent=1) + "\n", mode=_MODE)
        return changed


@dataclass(frozen=True)
class Space:
    """The space that snapshots take up.

    Attributes:
        total: Bytes that deleting all snapshots would free.
        alone: By snapshot, the bytes that deleting only that one would free.
    """

    total: int
    alone: dict[str, int]


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of a tree.

    Attributes:
        folder: Where they are.
        live: The tree.
        min_free: Share of the disk that has to stay free when one is made.
    """

    folder: Path
    live: RegistryTree
    min_free: float = 0.05

    @contextlib.contextmanager
    def locked(self, task: str) -> Iterator[None]:
        """Be the only one who makes, uses or deletes snapshots; what killed tasks have left behind is deleted.

        Raises:
            LockedError: Another task is using them.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with lock(self.folder / _LOCK, task):
            for name in os.listdir(self.folder):  # noqa: PTH208
                if name.startswith(".") and name != _LOCK:
                    shutil.rmtree(self.folder / name)
            yield

    def create(self, why: str, *, image: str = "") -> Snapshot:
        """Make a snapshot of the live tree.

        Raises:
            SnapshotError: It cannot be made. Nothing of it remains.
        """
        now = datetime.now(UTC)
        name = f"{now.strftime(_STAMP)}-{why}"
        with self.scratch(name) as scratch:
            copy_tree(self.live, RegistryTree(scratch / _TREE), self.linker())
            Snapshot(scratch, now, why, image).become(SnapshotState.KEPT)
            scratch.rename(self.folder / name)
        return self.get(name)

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Yield a folder that is deleted at the end."""
        folder = self.folder / f".{name}.partial"
        linker = self.linker()
        linker.folder(str(folder))
        try:
            yield folder
        finally:
            if folder.exists():
                shutil.rmtree(folder)

    def linker(self) -> Linker:
        """Return a linker for new copies on this disk."""
        return Linker(self.live.root, self.min_free)

    def restorer(self) -> Linker:
        """Return a linker for restoring files, however full the disk is."""
        return Linker(self.live.root)

    def all(self) -> list[Snapshot]:
        """Return all snapshots, oldest first."""
        if not self.folder.is_dir():
            return []
        return [self.get(path.name) for path in sorted(self.folder.iterdir()) if not path.name.startswith(".")]

    def get(self, name: str) -> Snapshot:
        """Return a snapshot.

        Raises:
            SnapshotError: It does not exist, or a later version of regops made it.
        """
        folder = self.folder / name
        try:
            known = json.loads((folder / _MANIFEST).read_text())
            if known["schema"] > SCHEMA:
                raise SnapshotError(f"{folder} was made by a later version of regops; use that version")
            made_at = datetime.fromisoformat(known["made_at"])
            return Snapshot(folder, made_at, known["why"], known["image"], SnapshotState(known["state"]))
        except FileNotFoundError:
            raise SnapshotError(f"there is no snapshot {name!r} in {self.folder}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{folder / _MANIFEST} is damaged ({error}); delete the folder") from error

    def remove(self, name: str) -> None:
        """Delete a snapshot. If this is killed, the snapshot is off the list, and the next task deletes the rest.

        Raises:
            SnapshotError: It does not exist, or is still needed to roll back a collection that was killed.
        """
        away = self.folder / f".{name}.removed"
        snapshot = self.get(name)
        if snapshot.state == SnapshotState.SWEEPING:
            raise SnapshotError(f"{name} is still needed: a garbage collection was killed; `regops gc --recover` rolls it back")
        snapshot.folder.rename(away)
        shutil.rmtree(away)

    def expired(self, *, keep: int, max_age: timedelta, now: datetime | None = None) -> list[Snapshot]:
        """Return the snapshots beyond the number or age to keep, except those that are needed to roll back a killed task."""
        found = self.all()
        oldest = (now or datetime.now(UTC)) - max_age
        many = found[: max(len(found) - keep, 0)]
        return [one for one in found if (one in many or one.made_at < oldest) and one.state != SnapshotState.SWEEPING]

    def drop_expired(self, *, keep: int, max_age: timedelta) -> list[str]:
        """Delete expired snapshots and return their names. Call it with the store locked."""
        names = [one.name for one in self.expired(keep=keep, max_age=max_age)]
        for name in names:
            self.remove(name)
        return names

    def space(self) -> Space:
        """Return the space that snapshots take up: files with no hard link outside of them."""
        names: dict[int, int] = {}
        files: dict[int, tuple[int, int, str]] = {}
        for snapshot in self.all():
            top = snapshot.tree.top
            for path in snapshot.tree.files():
                found = os.stat(top / path)  # noqa: PTH116
                names[found.st_ino] = names.get(found.st_ino, 0) + 1
                files[found.st_ino] = (found.st_nlink, found.st_blocks * 512, snapshot.name)
        only = {inode: file for inode, file in files.items() if file[0] == names[inode]}
        alone = {snapshot.name: 0 for snapshot in self.all()}
        for inode, (_, size, name) in only.items():
            if names[inode] == 1:
                alone[name] += size
        return Space(sum(size for _, size, _ in only.values()), alone)
