"""The registry's tree on disk, as the filesystem driver of distribution lays it out: names in, paths and links out.

https://github.com/distribution/distribution/blob/v3.1.1/registry/storage/paths.go
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from ops.core import exit_codes

VERSION_FOLDER = Path("docker/registry/v2")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = r"sha256/(?P<hex>[0-9a-f]{64})"
_FILE = re.compile(
    rf"blobs/sha256/[0-9a-f]{{2}}/(?P<blob>[0-9a-f]{{64}})/data"
    rf"|repositories/(?P<repository>.+?)/(?:_(?P<area>layers|manifests/revisions)/{_HEX}/link"
    rf"|_manifests/tags/(?P<tag>[^/]+)/(?:current/link|index/sha256/(?P<named>[0-9a-f]{{64}})/link))"
)


class TreeError(Exception):
    """Something in the tree is not as the registry leaves it; the message names the file."""

    exit_code = exit_codes.FAILED


class Kind(IntEnum):
    """What a file of the tree is, in an order in which all may be written: what points comes after what it points to."""

    BLOB = 1
    LAYER = 2
    REVISION = 3
    TAG_HISTORY = 4
    TAG = 5


@dataclass(frozen=True)
class Entry:
    """A file of the tree, by what its path says.

    Attributes:
        kind: What it is.
        digest: Which blob or manifest it holds or points to; empty for a tag, whose content says it.
        repository: Whose it is; empty for a blob.
        tag: For a tag, and for what it once named.
    """

    kind: Kind
    digest: str
    repository: str = ""
    tag: str = ""


def entry_of(path: str) -> Entry | None:
    """Return what a file is, by its path below the tree's version folder; None for uploads, and for what is not known."""
    match = _FILE.fullmatch(path)
    if match is None:
        return None
    if match["blob"]:
        return Entry(Kind.BLOB, f"sha256:{match['blob']}")
    if match["tag"] is None:
        kind = Kind.LAYER if match["area"] == "layers" else Kind.REVISION
        return Entry(kind, f"sha256:{match['hex']}", match["repository"])
    if match["named"]:
        return Entry(Kind.TAG_HISTORY, f"sha256:{match['named']}", match["repository"], match["tag"])
    return Entry(Kind.TAG, "", match["repository"], match["tag"])


@dataclass(frozen=True)
class RegistryTree:
    """The tree below a root directory (`storage.filesystem.rootdirectory`).

    From 3.1.0 on each file is written beside its place and renamed into it, so that one which is there is whole.

    Attributes:
        root: The root directory.
    """

    root: Path

    @property
    def top(self) -> Path:
        """The folder below which everything lies, and which paths of `entry_of` are relative to."""
        return self.root / VERSION_FOLDER

    @property
    def blobs(self) -> Path:
        """The folder of all blobs, manifests included."""
        return self.top / "blobs"

    @property
    def repositories(self) -> Path:
        """The folder of all repositories."""
        return self.top / "repositories"

    def blob(self, digest: str) -> Path:
        """Return the file of a blob or manifest.

        Raises:
            TreeError: This is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise TreeError(f"{digest!r} is no digest")
        hexadecimal = digest.removeprefix("sha256:")
        return self.blobs / "sha256" / hexadecimal[:2] / hexadecimal / "data"

    def repository(self, name: str) -> Path:
        """Return the folder of a repository."""
        return self.repositories / name

    def tag_folder(self, repository: str, tag: str) -> Path:
        """Return the folder of a tag, which is there as long as the registry lists it."""
        return self.repository(repository) / "_manifests" / "tags" / tag

    def tag(self, repository: str, tag: str) -> Path:
        """Return the file that says which manifest a tag names now."""
        return self.tag_folder(repository, tag) / "current" / "link"

    def revision(self, repository: str, digest: str) -> Path:
        """Return the file that says that a repository has a manifest."""
        return self.repository(repository) / "_manifests" / "revisions" / digest.replace(":", "/") / "link"

    def layer(self, repository: str, digest: str) -> Path:
        """Return the file that says that a repository has a blob."""
        return self.repository(repository) / "_layers" / digest.replace(":", "/") / "link"

    def repository_names(self, unreadable: Callable[[OSError], None] | None = None) -> Iterator[str]:
        """Give the names of all repositories, also of those that have no tags any more, in no order.

        Args:
            unreadable: Told of each folder that cannot be read, which is then passed over.

        Raises:
            OSError: A folder cannot be read, and there is nobody to tell.
        """
        return (name for name, areas in self.repository_areas(unreadable) if "_manifests" in areas)

    def repository_areas(self, unreadable: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, frozenset[str]]]:
        """Give each repository's name, and what it has of `_manifests`, `_layers` and `_uploads`, in no order.

        One without `_manifests` is a first push under way, or one that was given up.

        Args:
            unreadable: Told of each folder that cannot be read, which is then passed over.

        Raises:
            OSError: A folder cannot be read, and there is nobody to tell.
        """
        pending = [self.repositories]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except FileNotFoundError:  # removed meanwhile, or no repository was ever pushed
                continue
            except OSError as error:
                if unreadable is None:
                    raise
                unreadable(error)
                continue
            areas = frozenset(name for name in names if name.startswith("_"))
            if areas:
                yield folder.relative_to(self.repositories).as_posix(), areas
            pending.extend(folder / name for name in names if name not in areas)

    def files(self) -> Iterator[str]:
        """Give the paths of all files below `top`, temporary ones and uploads too, in no order."""
        top = str(self.top)
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        else:
                            yield entry.path[len(top) + 1 :]
            except FileNotFoundError:
                continue

    def tag_names(self, repository: str) -> list[str]:
        """Return the names of a repository's tags, in order."""
        folder = self.repository(repository) / "_manifests" / "tags"
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def tagged(self, repository: str, tag: str) -> str | None:
        """Return the digest that a tag names now; None when there is no such tag (any more).

        Raises:
            TreeError: The link holds no digest.
        """
        try:
            return read_link(self.tag(repository, tag))
        except FileNotFoundError:
            return None


def read_link(path: Path) -> str:
    """Return the digest that a link file holds.

    Raises:
        FileNotFoundError: There is no such file.
        TreeError: It holds none: a crash of a registry before 3.1.0 may have left it empty.
    """
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not _DIGEST.fullmatch(text):
        raise TreeError(f"{path}: holds {text!r}, which is no digest; delete the tag or revision that it belongs to")
    return text
