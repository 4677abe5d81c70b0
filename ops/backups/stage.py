"""The stage that a backup is made from: the index of a moment, and the blobs that it needs, as hard links in flat folders.

restic reads a folder and a file for each blob and link of the registry's own tree, which takes several times as long, and adds as
much to every backup. The stage is made for each backup and removed after it: what it holds would not be freed by a garbage
collection.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.registry.index import Index, index_of, linked_blobs, write_index
from ops.registry.listing import Listing, listing_of
from ops.registry.manifests import BlobFiles, Fetched, fetched
from ops.registry.snapshots.recovery import heal
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree

INDEX = "index.jsonl"
POOL = "pool"
# When images were last pulled: what is pulled again first is restored first.
PULLS = "pulls.json"
# What the backup is of, and how much it has.
DESCRIPTION = "backup.json"
# A tag that was deleted while the registry was listed looks damaged once.
_LOOKS = 3


@dataclass(frozen=True)
class Stage:
    """The folder that backups are made from, on the file system of the registry's tree.

    Attributes:
        folder: Where it is; always the same, as restic compares files by their paths.
    """

    folder: Path

    @contextlib.contextmanager
    def fresh(self) -> Iterator[Stage]:
        """Empty it, and remove it in the end."""
        self._remove()
        self.folder.mkdir(parents=True, mode=0o700)
        try:
            yield self
        finally:
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    @property
    def files(self) -> int:
        """How many files are in it."""
        return sum(len(names) for _, _, names in os.walk(self.folder))

    def take_blobs(self, tree: RegistryTree, digests: Iterable[str]) -> list[str]:
        """Link blobs into the pool; return the digests of those that are gone."""
        gone, made = [], set[str]()
        # A link changes the time that restic records of a file: those of a folder are the same if it is filled at once.
        for digest in sorted(digests):
            target = f"{self.folder}/{pooled(digest)}"
            folder = os.path.dirname(target)  # noqa: PTH120  # a hundred thousand times
            if folder not in made:
                os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
                made.add(folder)
            try:
                os.link(tree.blob(digest), target)
            except FileNotFoundError:
                gone.append(digest)
        return gone

    def note_pulls(self, pulls: Mapping[tuple[str, str], float]) -> None:
        """Write down when images were last pulled (Unix time), by repository and digest."""
        latest: dict[str, float] = {}
        for (_, digest), time in pulls.items():
            latest[digest] = max(time, latest.get(digest, 0.0))
        (self.folder / PULLS).write_text(json.dumps(latest))

    def write_index(self, index: Index) -> str:
        """Write the index; return the digest of what it says."""
        file = self.folder / INDEX
        write_index(file, index)
        return hashlib.sha256(file.read_bytes()).hexdigest()


def pulled_last(file: Path) -> list[str]:
    """Return the digests of images in the order of their last pulls, the latest first; none if nobody knows any more."""
    try:
        pulls: dict[str, float] = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return sorted(pulls, key=lambda digest: -pulls[digest])


def pooled(digest: str) -> str:
    """Return where a blob is in a backup: `pool/ab/sha256:abc…`, as in the trash."""
    return f"{POOL}/{digest.partition(':')[2][:2]}/{digest}"


@dataclass(frozen=True)
class Moment:
    """What the registry had at a moment, and what of it cannot be pulled.

    Attributes:
        index: Its pointers.
        blobs: The blobs that these need, or may need.
        damaged: Tags that cannot be pulled completely, as `repository:tag`, each with the reason.
        unclear: What could not be listed or read, with the reason: the backup may lack it.
    """

    index: Index
    blobs: frozenset[str]
    damaged: Mapping[str, str]
    unclear: Sequence[str]

    @property
    def tags(self) -> int:
        """How many tags it has."""
        return sum(len(one.tags) for one in self.index.values())


def moment_of(listing: Listing, source: BlobFiles) -> Moment:
    """Return what was listed, with the proof that it is closed: everything that a tag needs is among the blobs.

    Args:
        listing: What the registry had.
        source: Where manifests are read.
    """
    index = index_of(listing)
    damaged, images = dict[str, str](), dict[str, Fetched]()
    for name, repository in index.items():
        having = {*repository.revisions, *repository.layers}
        for tag, root in repository.tags.items():
            try:
                if root not in images:
                    images[root] = fetched(source, root)
            except OSError as error:
                damaged[f"{name}:{tag}"] = str(error)
                continue
            needed = images[root].digests - (images[root].elsewhere - having)
            if unlinked := needed - having:
                damaged[f"{name}:{tag}"] = f"{min(unlinked)} is not linked in the repository"
            elif missing := {one for one in needed if repository.stored_as(one) not in listing.blobs}:
                damaged[f"{name}:{tag}"] = f"{min(missing)} is missing"
    unclear = [*listing.unlisted]
    for name, links in listing.repositories.items():
        unclear += [f"{name}: {why}" for why in (*links.unreadable, *links.unlisted)]
    return Moment(index, frozenset(linked_blobs(index.values()) & listing.blobs), damaged, unclear)


def look(store: SnapshotStore) -> tuple[Listing, Moment]:
    """Look at the registry until nothing is damaged, or it stays so. Call it with the store locked."""
    listing = listing_of(store.live)
    if heal(store, listing):
        listing = listing_of(store.live)
    moment = moment_of(listing, store.live)
    for _ in range(_LOOKS - 1):
        if not moment.damaged:
            break
        listing = listing_of(store.live)
        moment = moment_of(listing, store.live)
    return listing, moment
