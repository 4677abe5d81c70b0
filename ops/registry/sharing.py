"""What each repository and image of a registry has for itself, and what it shares with others.

Only what tags lead to counts, as the rest goes with the next collection. What an image is made of never changes, so it is read
once: what is looked at again are the tags.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ops.registry.manifests import fetched
from ops.registry.tree import Entry, Kind, RegistryTree, TreeError, path_of

_NOBODY, _SEVERAL = -1, -2


class Share(NamedTuple):
    """The bytes of a repository or an image, each blob counted once, and how many of them nothing else uses."""

    size: int = 0
    own: int = 0

    @property
    def shared(self) -> int:
        """Bytes that others use too."""
        return self.size - self.own


class Sharing(NamedTuple):
    """The shares of repositories by name, and of images by the digest that tags point to."""

    repositories: Mapping[str, Share]
    images: Mapping[str, Share]


class _Image(NamedTuple):
    """What an image is made of, as the numbers of its blobs, and its manifests that are not here yet."""

    blobs: array[int]
    missing: tuple[str, ...]


@dataclass
class Contents:
    """What the images of a registry are made of. Not for several threads at once.

    Attributes:
        tree: The registry's tree.
    """

    tree: RegistryTree
    _numbers: dict[str, int] = field(default_factory=dict)
    _sizes: array[int] = field(default_factory=lambda: array("q"))
    _images: dict[str, _Image] = field(default_factory=dict)

    def sharing(self, pause: Callable[[], None] = lambda: None) -> Sharing:
        """Return who shares what now.

        Args:
            pause: Called often.

        Raises:
            OSError: The tree, or a manifest, cannot be read.
        """
        tagged = {name: self._tagged(name, pause) for name in sorted(self.tree.repository_names())}
        images = {root: self._image(root, pause) for roots in tagged.values() for root in roots}
        self._images = images
        by_repository = self._users(([images[root] for root in roots] for roots in tagged.values()), pause)
        by_image = self._users(([image] for image in images.values()), pause)
        sharing = Sharing(
            {
                name: self._share({one for root in roots for one in images[root].blobs}, by_repository, number)
                for number, (name, roots) in enumerate(tagged.items())
            },
            {root: self._share(image.blobs, by_image, number) for number, (root, image) in enumerate(images.items())},
        )
        # What was deleted is still numbered. Once that is most of it, all is read anew.
        if sum(one != _NOBODY for one in by_image) < len(by_image) // 2:
            self._numbers, self._sizes, self._images = {}, array("q"), {}
        return sharing

    def _tagged(self, repository: str, pause: Callable[[], None]) -> set[str]:
        """Return what the tags of a repository point to; one that is damaged leads nowhere."""
        found = set[str]()
        for tag in self.tree.tag_names(repository):
            pause()
            with contextlib.suppress(TreeError):
                if digest := self.tree.tagged(repository, tag):
                    found.add(digest)
        return found

    def _image(self, root: str, pause: Callable[[], None]) -> _Image:
        known = self._images.get(root)
        # A mirror brings an index before all of its images.
        if known and not any(os.path.exists(self._file(one)) for one in known.missing):  # noqa: PTH110  # ten thousand times
            return known
        pause()
        found = fetched(self.tree, root)
        return _Image(array("I", map(self._number, found.digests)), tuple(found.missing))

    def _number(self, digest: str) -> int:
        number = self._numbers.get(digest)
        if number is None:
            number = self._numbers[digest] = len(self._sizes)
            self._sizes.append(self._size(digest))
        elif not self._sizes[number]:
            self._sizes[number] = self._size(digest)
        return number

    def _size(self, digest: str) -> int:
        try:
            return os.stat(self._file(digest)).st_size  # noqa: PTH116  # a hundred thousand times
        except FileNotFoundError:
            return 0

    def _file(self, digest: str) -> str:
        return f"{self.tree.top}/{path_of(Entry(Kind.BLOB, digest))}"

    def _users(self, using: Iterable[Iterable[_Image]], pause: Callable[[], None]) -> array[int]:
        """Return who uses each blob: the number of the one who does, `_SEVERAL`, or `_NOBODY`."""
        users = array("i", [_NOBODY]) * len(self._sizes)
        for user, images in enumerate(using):
            pause()
            for image in images:
                for blob in image.blobs:
                    if users[blob] == _NOBODY:
                        users[blob] = user
                    elif users[blob] != user:
                        users[blob] = _SEVERAL
        return users

    def _share(self, blobs: Iterable[int], users: array[int], user: int) -> Share:
        size = own = 0
        for blob in blobs:
            size += self._sizes[blob]
            if users[blob] == user:
                own += self._sizes[blob]
        return Share(size, own)
