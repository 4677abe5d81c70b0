"""Placeholders: links in the registry's tree to the blobs of a mounted backup. They are served at once, and filled one by one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

import humanize

from ops.backups.mount import BackupMount
from ops.backups.repository import repository_of
from ops.backups.stage import POOL, pooled
from ops.registry.manifests import hash_of
from ops.registry.snapshots.trash import Restorer, explained
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from ops.stack.places import tree_of
from ops.stack.stack import Stack

# In the tree's own folder, so that the registry's container has it, and the same relative link leads there inside and outside.
MOUNT = ".backup"
_CHUNK = 1 << 20
# Four at once read a repository by a half faster than one.
_AT_ONCE = 4
_TELL_EVERY_S = 5.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Placeholders:
    """The placeholders of one backup.

    Attributes:
        tree: The registry's tree.
        content: The folder of the mounted backup, below the tree's own folder.
    """

    tree: RegistryTree
    content: Path

    def place(self, digests: Iterable[str]) -> set[str]:
        """Put a placeholder wherever a blob is missing; return the blobs that the backup lacks.

        Raises:
            NoSpaceError: There are no inodes left.
        """
        had, wanted, restorer = set(_names(self.content / POOL)), set(digests), Restorer(self.tree)
        with explained(self.tree.root):
            for digest in wanted & had:
                restorer.put_symlink(f"{self.content}/{pooled(digest)}", digest)
        return wanted - had

    def left(self, digests: Iterable[str]) -> list[str]:
        """Return the blobs that are still placeholders."""
        top = self.tree.top
        return [one for one in digests if os.path.islink(f"{top}/{path_of(Entry(Kind.BLOB, one))}")]  # noqa: PTH114

    def remove(self, digests: Iterable[str]) -> None:
        """Remove placeholders, so that what they stand for counts as missing."""
        for digest in self.left(digests):
            self.tree.blob(digest).unlink()

    def fill(self, digests: Iterable[str], total: int, tell: Tell) -> list[str]:
        """Put the blobs themselves in the place of placeholders, in this order, each after it was compared with its digest.

        Args:
            digests: Which; those that are no placeholders are skipped.
            total: How many there are.
            tell: Called with progress.

        Returns:
            Those that could not be read, or are damaged.

        Raises:
            NoSpaceError: The disk is full. What was filled stays so.
        """
        progress, unread = _Progress(total, tell), list[str]()
        pending = iter(digests)
        with explained(self.tree.root), ThreadPoolExecutor(_AT_ONCE) as lanes:
            # In portions, so that what is next is decided late, and an error ends it soon.
            while portion := list(islice(pending, 16 * _AT_ONCE)):
                for digest, size in zip(portion, lanes.map(self._fill, portion), strict=True):
                    if size is None:
                        unread.append(digest)
                    progress.add(size or 0)
        return unread

    def fill_from(self, file: Path, digest: str) -> None:
        """Put a file in the place of a placeholder, which was compared with its digest already."""
        Restorer(self.tree).own(file)
        file.replace(self.tree.blob(digest))

    def _fill(self, digest: str) -> int | None:
        """Fill one; return its size, or None if the backup does not give it whole."""
        target = self.tree.blob(digest)
        if not target.is_symlink():
            return 0  # somebody has pushed it, or an earlier run has filled it
        beside = target.with_name("data.regops.tmp")
        try:
            source = os.open(target, os.O_RDONLY)
        except OSError:
            return None
        try:
            with beside.open("wb") as copy:
                size = _copy(source, copy.fileno(), hash_of(digest), digest)
            if size is not None:
                self.fill_from(beside, digest)
            return size
        finally:
            beside.unlink(missing_ok=True)  # of no use, and a full disk needs the room
            with contextlib.suppress(OSError):  # of a mount that has gone
                os.close(source)


def mount_of(stack: Stack) -> BackupMount:
    """Return where a stack's backups are mounted for its registry."""
    return BackupMount(repository_of(stack), tree_of(stack).root / MOUNT)


def _copy(source: int, target: int, sum_: hashlib._Hash | None, digest: str) -> int | None:
    """Copy a file; return how many bytes it has, or None if it cannot be read or is not what its digest says."""
    size = 0
    while True:
        try:
            chunk = os.read(source, _CHUNK)
        except OSError:
            return None
        if not chunk:
            break
        if sum_:
            sum_.update(chunk)
        _write(target, chunk)
        size += len(chunk)
    return size if sum_ is None or sum_.hexdigest() == digest.partition(":")[2] else None


def _write(target: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(target, rest) :]


def _names(pool: Path) -> Iterator[str]:
    with os.scandir(pool) as folders:
        for folder in folders:
            with contextlib.suppress(NotADirectoryError), os.scandir(folder.path) as files:
                # What is no file is none of ours: a link in a backup could lead anywhere.
                yield from (one.name for one in files if one.is_file(follow_symlinks=False))


class _Progress:
    """Tells now and then how many are done, and about how long the rest takes."""

    def __init__(self, total: int, tell: Tell) -> None:
        """Begin."""
        self._total, self._tell, self._done, self._bytes = total, tell, 0, 0
        self._began = self._told = time.monotonic()

    def add(self, size: int) -> None:
        """Count one more."""
        self._done += 1
        self._bytes += size
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_S:
            return
        self._told = now
        left = timedelta(seconds=(now - self._began) / self._done * max(0, self._total - self._done))
        self._tell(
            f"{self._done} of {self._total} blobs are on the disk ({humanize.naturalsize(self._bytes, binary=True)}), "
            f"about {humanize.naturaldelta(left)} left …"
        )
