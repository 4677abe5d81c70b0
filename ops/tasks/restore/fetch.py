"""Brings a backup here: a local snapshot of its moment, with the blobs in its trash that the registry lacks.

From there on it is restored as any snapshot is. What was fetched once is not fetched again, also when a run was killed.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.backups.repository import BackupRepository
from ops.backups.stage import POOL, pooled
from ops.backups.told import Backup
from ops.registry.index import Index, RepositoryIndex, linked_blobs
from ops.registry.manifests import fetched, has_content
from ops.registry.restore.model import RestoreScope
from ops.registry.snapshots.store import Snapshot, SnapshotStore
from ops.registry.snapshots.trash import explained

# To name each file costs restic time for each file of the backup; beyond this share it is quicker to fetch all of them.
_SHARE = 0.25


@dataclass
class Fetching:
    """A backup that is brought here.

    Attributes:
        backups: Where it is.
        backup: Which one.
        store: The snapshots of the registry that it is restored to.
        tell: Called with the number of blobs that are fetched next.
        fetched: How many blobs were fetched.
        damaged: Blobs of the backup whose content is not what their digest says.
    """

    backups: BackupRepository
    backup: Backup
    store: SnapshotStore
    tell: Callable[[int], None] = lambda _: None
    fetched: int = 0
    damaged: list[str] = field(default_factory=list)

    def bring(self, index: Index, scope: RestoreScope) -> Snapshot:
        """Return a snapshot of the backup's moment, and see to it that what is asked for is here. Call it with the store locked.

        Args:
            index: What the backup has.
            scope: What is asked for, which must be in it.

        Raises:
            BackupError: It cannot be read.
            NoSpaceError: The disk is full.
        """
        why = f"backup-{self.backup.name}"
        known = [one for one in self.store.all() if one.why == why]
        snapshot = known[-1] if known else self.store.create(why, index)
        for wanted in self._wanted(index, scope):
            if missing := [digest for digest in wanted if not self.store.blob(digest).exists()]:
                self._fetch(missing, snapshot, sum(len(one.revisions) + len(one.layers) for one in index.values()))
        return snapshot

    def _wanted(self, index: Index, scope: RestoreScope) -> Iterator[Iterable[str]]:
        """Yield what is needed, as far as it is known: what a manifest needs is known when it is here."""
        if scope.tag or scope.digest:
            repository = index[scope.repository]
            root = repository.tags[scope.tag] if scope.tag else scope.digest
            before = set[str]()
            while (needed := _of_image(self.store, root, repository)) != before:
                yield sorted(needed)
                before = needed
            return
        names = [scope.repository] if scope.repository else list(index)
        yield sorted(linked_blobs(index[name] for name in names))

    def _fetch(self, digests: list[str], snapshot: Snapshot, of: int) -> None:
        self.tell(len(digests))
        with fetched_blobs(self.backups, self.backup, digests, of) as files:
            for digest, file in files:
                if file is None:
                    self.damaged.append(digest)
                    continue
                self.store.restorer().own(file)
                target = snapshot.trash.file(digest)
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                file.replace(target)
                self.fetched += 1


@contextlib.contextmanager
def fetched_blobs(
    backups: BackupRepository, backup: Backup, digests: Sequence[str], of: int
) -> Iterator[Iterator[tuple[str, Path | None]]]:
    """Fetch blobs, and yield the digest and the file of each that the backup has; None for the file if it is damaged.

    What is not moved away is removed in the end. If it fails, what was fetched stays, and is not fetched again.

    Args:
        backups: Where the backup is.
        backup: Which one.
        digests: Which blobs.
        of: How many blobs the backup has.

    Raises:
        BackupError: It cannot be read.
        NoSpaceError: The disk is full.
    """
    scratch = backups.folder / "fetched" / backup.id
    files = [pooled(digest) for digest in digests] if len(digests) < _SHARE * of else [POOL]
    with explained(backups.folder):
        backups.restic.fetch(backup.id, scratch, files)
        found = ((digest, scratch / pooled(digest)) for digest in digests)
        # Nothing gets into the registry but what its name says.
        yield ((digest, file if has_content(file, digest) else None) for digest, file in found if file.is_file())
    shutil.rmtree(scratch, ignore_errors=True)


def _of_image(store: SnapshotStore, root: str, repository: RepositoryIndex) -> set[str]:
    image = fetched(store, root)
    having = {*repository.revisions, *repository.layers}
    return {repository.stored_as(digest) for digest in image.digests if digest in having}
