"""What the pages of snapshots show: what each holds that is gone from the registry, and which tags it has that differ by now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from ops.console.recent import Recent
from ops.registry.index import IndexDamagedError, tags_in
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.snapshots.trash import SnapshotError
from ops.registry.tree import RegistryTree, TreeError

# A tag is written a moment after the clock was looked at.
_DISORDER_S = 1.0


@dataclass(frozen=True)
class Held:
    """A snapshot, with what is only there.

    Attributes:
        snapshot: The snapshot.
        blobs: How many blobs the registry does not have any more, and would get back.
        size: Bytes that deleting the snapshot frees.
    """

    snapshot: Snapshot
    blobs: int
    size: int

    @property
    def undoes(self) -> bool:
        """Whether something was deleted that it can bring back without being told what."""
        return self.snapshot.state is SnapshotState.SWEPT


@dataclass(frozen=True)
class Differing:
    """A tag that was another one when a snapshot was made.

    Attributes:
        repository: Its repository.
        tag: The tag.
        then: What it pointed to.
        now: What it points to; None if it is gone.
    """

    repository: str
    tag: str
    then: str
    now: str | None


@dataclass
class Undo:
    """The snapshots of a registry.

    Attributes:
        store: Where they are.
    """

    store: SnapshotStore
    _held: Recent[list[Held]] = field(default_factory=Recent)
    _differing: Recent[list[Differing]] = field(default_factory=Recent)

    def held(self) -> list[Held] | None:
        """Return the snapshots, the newest first; None if they cannot be read here."""
        try:
            return self._held.get("", lambda _: [Held(one, *one.held()) for one in self.store.all()[::-1]])
        except (OSError, SnapshotError):
            return None

    def get(self, name: str) -> Held | None:
        """Return a snapshot; None if there is none of this name."""
        return next((one for one in self.held() or () if one.snapshot.name == name), None)

    def differing(self, snapshot: Snapshot) -> Sequence[Differing] | None:
        """Return the tags that a snapshot has and that are gone or others by now, by name; None if it cannot be read."""
        try:
            return self._differing.get(snapshot.name, lambda _: list(self._compared(snapshot)))
        except (OSError, IndexDamagedError):
            return None

    def _compared(self, snapshot: Snapshot) -> Iterator[Differing]:
        made = snapshot.made_at.timestamp() - _DISORDER_S
        for repository, tags in tags_in(snapshot.index_file):
            yield from sorted(_differing(self.store.live, repository, tags, made), key=attrgetter("tag"))


def _differing(live: RegistryTree, repository: str, tags: Mapping[str, str], made: float) -> Iterator[Differing]:
    """Yield what differs of a repository. A link that was not written since is what it was: only the others are read."""
    folder = f"{live.repository(repository)}/_manifests/tags"
    for tag, then in tags.items():
        try:
            written = os.stat(f"{folder}/{tag}/current/link").st_mtime  # noqa: PTH116  # ten thousand times
            now = then if written < made else live.tagged(repository, tag)
        except (FileNotFoundError, NotADirectoryError):
            now = None
        except TreeError:
            continue  # `regops doctor` tells of it
        if now != then:
            yield Differing(repository, tag, then, now)
