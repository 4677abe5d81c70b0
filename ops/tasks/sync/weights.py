"""What images of the registry's tree weigh: what a new one of the same repository will weigh, too, more or less."""

from __future__ import annotations

import contextlib

from ops.registry.manifests import fetched
from ops.registry.references import MAX_MANIFEST_BYTES, listed_in, members_of
from ops.registry.tree import RegistryTree, TreeError
from ops.tasks.sync.model import Weight
from ops.tasks.sync.tree import size_of


class Weights:
    """Weighs images, each once."""

    def __init__(self, tree: RegistryTree) -> None:
        """Name the tree."""
        self._tree = tree
        self._by_digest: dict[str, Weight | None] = {}

    def like(self, repository: str, tag: str) -> Weight | None:
        """Return what a tag weighs that is about to be copied: what it weighs here, or else the last other one does.

        Args:
            repository: The repository here.
            tag: The tag.
        """
        try:
            names = [tag, *sorted(self._tree.tag_names(repository), reverse=True)[:1]]
            digests = [self._tree.tagged(repository, name) for name in names]
        except (OSError, TreeError):
            return None
        return next((weight for digest in digests if digest and (weight := self.of(digest))), None)

    def of(self, digest: str) -> Weight | None:
        """Return what an image weighs; None if it cannot be read."""
        if digest not in self._by_digest:
            self._by_digest[digest] = self._weigh(digest)
        return self._by_digest[digest]

    def received(self, repository: str, digest: str, since: float) -> int:
        """Return the bytes of an image's blobs that its repository has got since a time (Unix time)."""
        total = 0
        try:
            for one in fetched(self._tree, digest).digests:
                with contextlib.suppress(OSError):
                    if self._tree.layer(repository, one).stat().st_mtime >= since:
                        total += size_of(self._tree, one)
        except OSError:
            return 0
        return total

    def _weigh(self, digest: str) -> Weight | None:
        try:
            with self._tree.blob(digest).open("rb") as file:
                children = len(list(listed_in(members_of(file.read(MAX_MANIFEST_BYTES)), "manifests")))
            size = sum(size_of(self._tree, one) for one in fetched(self._tree, digest).digests)
        except OSError:
            return None
        return Weight(1 + children, size)
