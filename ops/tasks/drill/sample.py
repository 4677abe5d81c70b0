"""A sample of a backup, restored to a folder and laid out as a registry's tree: for drills, and for rehearsals."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.backups.repository import BackupRepository, repository_of
from ops.backups.stage import POOL, pooled
from ops.backups.told import Backup
from ops.config import BACKUP_FOLDER, BACKUP_SECOND_PASSWORD
from ops.core.clock import Clock
from ops.registry.index import Index, linked_blobs
from ops.registry.manifests import fetched
from ops.registry.plain import lay_out
from ops.registry.tree import RegistryTree
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.drill.model import DrillOptions
from ops.tasks.drill.plan import Candidate, candidates, fitting, part_of, sizes_in

# An index of images, and its images.
_LEVELS = 4


@contextlib.contextmanager
def scratch_folder(stack: Stack, name: str) -> Iterator[Path]:
    """Yield an empty folder of a task, which is removed in the end; also what a killed run of it has left."""
    folder = stack.root / BACKUP_FOLDER / name
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def second_opened(stack: Stack) -> BackupRepository:
    """Return the backups, opened with the second password: that shows that it opens them.

    Raises:
        BackupError: The stack has none.
    """
    return repository_of(stack, BACKUP_SECOND_PASSWORD)


@dataclass(frozen=True)
class Sample:
    """What was restored of a backup.

    Attributes:
        folder: Where it is, as it is in the backup.
        taken: The tags that fitted.
        part: Their index.
        size: How many bytes it has.
        rate: How many bytes a second came.
        left: How many tags of the sample were larger than what was left of the bytes that may be restored.
    """

    folder: Path
    taken: list[Candidate]
    part: Index
    size: int
    rate: float
    left: int

    def laid_out(self, stack: Stack, root: Path) -> RegistryTree:
        """Make a registry's tree of it, as the user that the stack's registry runs as.

        Args:
            stack: Whose.
            root: Where, on the same file system; it does not exist yet.
        """
        root.mkdir(mode=0o755)
        if os.geteuid() == 0:
            owner = tree_of(stack).root.stat()
            os.chown(root, owner.st_uid, owner.st_gid)
        tree, source = RegistryTree(root), _Pool(self.folder)
        files = source.files()
        for path in files:
            path.chmod(0o644)
        lay_out(tree, self.part, source.blob, among=linked_blobs(self.part.values()) & {path.name for path in files})
        return tree


def restored_sample(
    backups: BackupRepository, backup: Backup, index: Index, folder: Path, *, options: DrillOptions, clock: Clock
) -> Sample:
    """Restore the tags of a sample that fit, the same ones for the same backup.

    Args:
        backups: Where the backup is.
        backup: Which one.
        index: What it has.
        folder: Where it is restored to.
        options: How much.
        clock: Measures it, as `restore`.

    Raises:
        BackupError: It cannot be read.
    """
    found, source = candidates(index, options, backup.id), _Pool(folder)

    def fetch(digests: Iterable[str]) -> None:
        if missing := [pooled(one) for one in sorted(set(digests)) if not source.blob(one).exists()]:
            with clock.phase("restore"):
                backups.restic.fetch(backup.id, folder, missing)

    def needed(one: Candidate) -> Iterator[tuple[str, int]]:
        repository = index[one.repository]
        having = {*repository.revisions, *repository.layers}
        digests = fetched(source, one.digest).digests & having
        sizes = dict.fromkeys(digests, 0)
        for digest in digests & set(repository.revisions):
            with contextlib.suppress(OSError):
                sizes.update((child, length) for child, length in sizes_in(source.blob(digest).read_bytes()) if child in having)
        yield from ((repository.stored_as(digest), size) for digest, size in sizes.items())

    level = {one.digest for one in found}
    for _ in range(_LEVELS):
        fetch(level)
        manifests = {(one.repository, digest) for one in found for digest in fetched(source, one.digest).digests}
        level = {digest for name, digest in manifests if digest in index[name].revisions}
        if all(source.blob(one).exists() for one in level):
            break
    taken, blobs, _ = fitting(found, needed, options.size)
    fetch(blobs)
    size, took = sum(path.stat().st_size for path in source.files()), clock.seconds.get("restore", 0.0)
    return Sample(folder, taken, part_of(index, taken), size, size / took if took else 0.0, len(found) - len(taken))


@dataclass(frozen=True)
class _Pool:
    """Blobs as they are in a backup."""

    folder: Path

    def blob(self, digest: str) -> Path:
        return self.folder / pooled(digest)

    def files(self) -> list[Path]:
        return [path for path in (self.folder / POOL).rglob("*") if path.is_file()]
