"""The snapshots of one tree, in a folder on the same file system: made whole or not at all, listed, aged out."""

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
    """How far the task has come that a snapshot was made for."""

    KEPT = "kept"
    SWEEPING = "sweeping"
    SWEPT = "swept"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True)
class Snapshot:
    """A copy of the tree.

    Attributes:
        folder: Where it lies.
        made_at: When, UTC.
        why: For which task, one word.
        image: Digest of the registry's image that ran then; empty when it is not known.
        state: How far that task has come.
    """

    folder: Path
    made_at: datetime
    why: str
    image: str = ""
    state: SnapshotState = SnapshotState.KEPT

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.name

    @property
    def tree(self) -> RegistryTree:
        """The copy."""
        return RegistryTree(self.folder / _TREE)

    def removed(self) -> list[str]:
        """Return what the garbage collector removed, or was about to: paths below the tree's version folder."""
        try:
            return (self.folder / _REMOVED).read_text().splitlines()
        except FileNotFoundError:
            return []

    def note_removed(self, paths: Iterable[str]) -> None:
        """Keep what is about to be removed."""
        write_atomic(self.folder / _REMOVED, "".join(f"{path}\n" for path in paths), mode=_MODE)

    def become(self, state: SnapshotState) -> Snapshot:
        """Keep how far the task has come."""
        changed = replace(self, state=state)
        document = asdict(changed) | {"schema": SCHEMA, "made_at": self.made_at.isoformat()}
        del document["folder"]
        write_atomic(self.folder / _MANIFEST, json.dumps(document, indent=1) + "\n", mode=_MODE)
        return changed


@dataclass(frozen=True)
class Space:
    """What snapshots hold.

    Attributes:
        total: Bytes that would come free without any snapshot.
        alone: Bytes by snapshot that would come free without that one.
    """

    total: int
    alone: dict[str, int]


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of a tree.

    Attributes:
        folder: Where they lie.
        live: The tree.
        min_free: Share of the disk that a new one must leave free.
    """

    folder: Path
    live: RegistryTree
    min_free: float = 0.05

    @contextlib.contextmanager
    def locked(self, task: str) -> Iterator[None]:
        """Be the only one who makes, uses or removes snapshots; what a killed task left is removed.

        Raises:
            LockedError: Another one does.
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
            SnapshotError: It cannot be made; nothing is left of it.
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
        """Give a folder that is gone at the end."""
        folder = self.folder / f".{name}.partial"
        linker = self.linker()
        linker.folder(str(folder))
        try:
            yield folder
        finally:
            if folder.exists():
                shutil.rmtree(folder)

    def linker(self) -> Linker:
        """Return what makes copies on this disk."""
        return Linker(self.live.root, self.min_free)

    def restorer(self) -> Linker:
        """Return what gives files back, however full the disk is."""
        return Linker(self.live.root)

    def all(self) -> list[Snapshot]:
        """Return all snapshots, the oldest first."""
        if not self.folder.is_dir():
            return []
        return [self.get(path.name) for path in sorted(self.folder.iterdir()) if not path.name.startswith(".")]

    def get(self, name: str) -> Snapshot:
        """Return a snapshot.

        Raises:
            SnapshotError: There is none of that name, or it is of a later version.
        """
        folder = self.folder / name
        try:
            known = json.loads((folder / _MANIFEST).read_text())
            if known["schema"] > SCHEMA:
                raise SnapshotError(f"{folder} was made by a later version; use that one")
            made_at = datetime.fromisoformat(known["made_at"])
            return Snapshot(folder, made_at, known["why"], known["image"], SnapshotState(known["state"]))
        except FileNotFoundError:
            raise SnapshotError(f"there is no snapshot {name!r} in {self.folder}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{folder / _MANIFEST} cannot be understood ({error}); remove the folder") from error

    def remove(self, name: str) -> None:
        """Remove a snapshot. Killed on the way, it is gone from the list, and the next task removes the rest.

        Raises:
            SnapshotError: There is none of that name, or a collection that was killed has to be made good from it first.
        """
        away = self.folder / f".{name}.removed"
        snapshot = self.get(name)
        if snapshot.state == SnapshotState.SWEEPING:
            raise SnapshotError(
                f"{name} is still needed: a collection was killed, and the next one puts back what it had removed"
            )
        snapshot.folder.rename(away)
        shutil.rmtree(away)

    def expired(self, *, keep: int, max_age: timedelta, now: datetime | None = None) -> list[Snapshot]:
        """Return the snapshots that are too many or too old. One that a killed task still needs is not among them."""
        found = self.all()
        oldest = (now or datetime.now(UTC)) - max_age
        many = found[: max(len(found) - keep, 0)]
        return [one for one in found if (one in many or one.made_at < oldest) and one.state != SnapshotState.SWEEPING]

    def drop_expired(self, *, keep: int, max_age: timedelta) -> list[str]:
        """Remove the snapshots that are too many or too old, with the store locked; return their names."""
        names = [one.name for one in self.expired(keep=keep, max_age=max_age)]
        for name in names:
            self.remove(name)
        return names

    def space(self) -> Space:
        """Return what the snapshots hold: files that have no name outside of them."""
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
