"""The registry's tree on disk, as the filesystem driver of distribution lays it out: names in, paths and links out.

https://github.com/distribution/distribution/blob/v3.1.1/registry/storage/paths.go
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

VERSION_FOLDER = Path("docker/registry/v2")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class TreeError(Exception):
    """Something in the tree is not as the registry leaves it; the message names the file."""

    exit_code = 1


@dataclass(frozen=True)
class RegistryTree:
    """The tree below a root directory (`storage.filesystem.rootdirectory`).

    From 3.1.0 on each file is written beside its place and renamed into it, so that one which is there is whole.

    Attributes:
        root: The root directory.
    """

    root: Path

    @property
    def blobs(self) -> Path:
        """The folder of all blobs, manifests included."""
        return self.root / VERSION_FOLDER / "blobs"

    @property
    def repositories(self) -> Path:
        """The folder of all repositories."""
        return self.root / VERSION_FOLDER / "repositories"

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

    def repository_names(self, unreadable: Callable[[OSError], None] | None = None) -> Iterator[str]:
        """Give the names of all repositories, also of those that have no tags any more, in no order.

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
            if "_manifests" in names:
                yield folder.relative_to(self.repositories).as_posix()
            pending.extend(folder / name for name in names if not name.startswith("_"))

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
