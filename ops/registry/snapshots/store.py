"""The snapshots of one registry: each an index of a moment, and what a collection removed then; listed, found in, expired."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ops.core.files import write_atomic
from ops.core.locks import lock
from ops.registry.index import Index, read_index, write_index
from ops.registry.snapshots.ballast import Ballast
from ops.registry.snapshots.former import convert, is_former
from ops.registry.snapshots.removed import Removed, read_removed, write_removed
from ops.registry.snapshots.trash import Restorer, SnapshotError, Trash, explained, one_file_system
from ops.registry.tree import Kind, RegistryTree

SCHEMA = 2
_LOCK = ".lock"
_MANIFEST = "snapshot.json"
_INDEX = "index.jsonl.gz"
_REMOVED = "removed.jsonl.gz"
_TRASH = "trash"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_MODE = 0o640


class SnapshotState(StrEnum):
    """How far the task that a snapshot was made for has got."""

    KEPT = "kept"
    SWEEPING = "sweeping"
    SWEPT = "swept"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True)
class Snapshot:
    """One moment of a registry.

    Attributes:
        folder: Where it is.
        made_at: When it was made, in UTC.
        why: The task that it was made for, in one word.
        image: Digest of the registry's image at that time; empty if unknown.
        state: How far that task has got.
        counts: How many `repositories` and `tags` there were then, and how many `removed_tags` and `removed_blobs` that task has
            taken; nothing is in it that was not counted when the snapshot was made.
    """

    folder: Path
    made_at: datetime
    why: str
    image: str = ""
    state: SnapshotState = SnapshotState.KEPT
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def trash(self) -> Trash:
        """The blobs that the garbage collection has removed that it was made for."""
        return Trash(self.folder / _TRASH)

    def index(self) -> Index:
        """Return what the registry had.

        Raises:
            IndexDamagedError: It cannot be read.
        """
        return read_index(self.index_file)

    @property
    def index_file(self) -> Path:
        """The file of its index."""
        return self.folder / _INDEX

    def removed(self) -> Sequence[Removed]:
        """Return what the garbage collector removed, or was about to, in an order in which it can be put back."""
        return read_removed(self.folder / _REMOVED)

    def note_removed(self, removed: Iterable[Removed]) -> Snapshot:
        """Record what is about to be removed, before it is, or what has been.

        Returns:
            The snapshot with its counts, which `become` records.

        Raises:
            NoSpaceError: The disk is full.
        """
        recorded = list(removed)
        with explained(self.folder):
            write_removed(self.folder / _REMOVED, recorded)
        kinds = Counter(one.entry.kind for one in recorded)
        counted = {"removed_tags": kinds[Kind.TAG], "removed_blobs": kinds[Kind.BLOB]}
        return replace(self, counts={**self.counts, **counted})

    def become(self, state: SnapshotState) -> Snapshot:
        """Record how far the task has got."""
        changed = replace(self, state=state)
        document = asdict(changed) | {"schema": SCHEMA, "made_at": self.made_at.isoformat()}
        del document["folder"]
        write_atomic(self.folder / _MANIFEST, json.dumps(document, indent=1) + "\n", mode=_MODE)
        return changed

    def size(self) -> int:
        """Return how many bytes deleting it frees. A blob that has been put back, or pushed again, is not counted."""
        return self.held()[1]

    def held(self) -> tuple[int, int]:
        """Return how many blobs are only here, and how many bytes deleting it frees."""
        files = sum(found.stat().st_blocks * 512 for found in self.folder.iterdir() if found.is_file())
        sizes = [size for _, size in self.trash.sizes()]
        return len(sizes), files + sum(sizes)


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of a registry's tree.

    Attributes:
        folder: Where they are, on the file system of the tree.
        live: The tree.
    """

    folder: Path
    live: RegistryTree

    @contextlib.contextmanager
    def locked(self, task: str) -> Iterator[None]:
        """Be the only one who makes, uses or deletes snapshots; what killed tasks have left behind is deleted.

        Raises:
            LockedError: Another task is using them.
            SnapshotError: They are on another file system than the tree.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.ballast.given_up_if_needed(), lock(self.folder / _LOCK, task):
            for path in self.folder.iterdir():
                if path.name.startswith(".") and path.is_dir():
                    shutil.rmtree(path)
            one_file_system(self.folder, self.live)
            for name in self._names():
                self._convert(self.folder / name)
            yield

    def _convert(self, folder: Path) -> None:
        if is_former(folder):
            convert(folder, self.live, index=folder / _INDEX, removed=folder / _REMOVED, trash=Trash(folder / _TRASH))
            former = self.get(folder.name)
            former.become(former.state)

    def create(self, why: str, index: Index, *, image: str = "") -> Snapshot:
        """Make a snapshot. It comes after all others, whatever the clock says: blobs are in the trash of later ones.

        Args:
            why: The task that it is made for, in one word.
            index: What the registry has.
            image: Digest of the registry's image.

        Raises:
            NoSpaceError: The disk is full. Nothing of it remains.
        """
        now = max(datetime.now(UTC), self._after_the_latest())
        name = f"{now.strftime(_STAMP)}-{why}"
        scratch = self.folder / f".{name}.partial"
        with explained(self.folder):
            try:
                scratch.mkdir(parents=True, mode=0o700)
                write_index(scratch / _INDEX, index)
                counts = {"repositories": len(index), "tags": sum(len(one.tags) for one in index.values())}
                Snapshot(scratch, now, why, image, counts=counts).become(SnapshotState.KEPT)
                scratch.rename(self.folder / name)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return self.get(name)

    @property
    def ballast(self) -> Ballast:
        """Space to work with on a full disk."""
        return Ballast(self.folder / ".ballast")

    def restorer(self) -> Restorer:
        """Return what puts files back into the tree."""
        return Restorer(self.live)

    def all(self) -> list[Snapshot]:
        """Return all snapshots, oldest first."""
        return [self.get(name) for name in self._names()]

    def get(self, name: str) -> Snapshot:
        """Return a snapshot.

        Raises:
            SnapshotError: It does not exist, or a later version of regops made it.
        """
        if name not in self._names():
            raise SnapshotError(f"there is no snapshot {name!r} in {self.folder}; `regops snapshot` lists them")
        folder = self.folder / name
        try:
            known = json.loads((folder / _MANIFEST).read_text())
            if known["schema"] > SCHEMA:
                raise SnapshotError(f"{folder} was made by a later version of regops; use that version")
            made_at = datetime.fromisoformat(known["made_at"])
            counts = {str(name): int(count) for name, count in known.get("counts", {}).items()}
            return Snapshot(folder, made_at, known["why"], known["image"], SnapshotState(known["state"]), counts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SnapshotError(f"{folder / _MANIFEST} is damaged ({error}); delete the folder") from error

    def blob(self, digest: str) -> Path:
        """Return where a blob's file is: in the tree, in the trash of a snapshot, or nowhere, and then where it would be."""
        live = self.live.blob(digest)
        if live.exists():
            return live
        for name in reversed(self._names()):
            kept = Trash(self.folder / name / _TRASH).file(digest)
            if kept.exists():
                return kept
        return live

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
        """Return the snapshots beyond the number or age to keep, except those that are needed to roll back a killed task.

        The oldest go first, so a blob in the trash stays as long as any snapshot that has it in its index.
        """
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

    def sizes(self) -> dict[str, int]:
        """Return, by snapshot, the bytes that deleting it frees."""
        return {one.name: one.size() for one in self.all()}

    def _after_the_latest(self) -> datetime:
        latest = max(self._names(), default="")
        try:
            return datetime.strptime(latest.partition("-")[0], _STAMP).replace(tzinfo=UTC) + timedelta(microseconds=1)
        except ValueError:
            return datetime.min.replace(tzinfo=UTC)

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.folder) if not name.startswith("."))  # noqa: PTH208
        except FileNotFoundError:
            return []
