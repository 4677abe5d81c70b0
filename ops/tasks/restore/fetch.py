"""Brings a backup here: a local snapshot of its moment, with the blobs in its trash that the registry lacks.

From there on it is restored as any snapshot is. What was fetched once is not fetched again, also when a run was killed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.backups.repository import BackupRepository
from ops.backups.restic import Backup
from ops.backups.stage import POOL, pooled
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
        scratch = self.backups.folder / "fetched" / self.backup.id
        files = [pooled(digest) for digest in digests] if len(digests) < _SHARE * of else [POOL]
        with explained(self.backups.folder):
            self.backups.restic.fetch(self.backup.id, scratch, files)
            for digest in digests:
                self._take(scratch / pooled(digest), digest, snapshot.trash.file(digest))
        shutil.rmtree(scratch, ignore_errors=True)

    def _take(self, source: Path, digest: str, target: Path) -> None:
        """Move a blob to the trash if it is what its name says: nothing else gets into the registry."""
        if not source.is_file():
            return  # the backup does not have it, and the plan will name what needs it
        if not has_content(source, digest):
            self.damaged.append(digest)
            return
        self.store.restorer().own(source)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source.replace(target)
        self.fetched += 1


def _of_image(store: SnapshotStore, root: str, repository: RepositoryIndex) -> set[str]:
    image = fetched(store, root)
    having = {*repository.revisions, *repository.layers}
    return {repository.stored_as(digest) for digest in image.digests if digest in having}
