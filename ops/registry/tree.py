"""The registry's tree on disk, as distribution's filesystem driver lays it out: names in, paths and links out.

https://github.com/distribution/distribution/blob/v3.1.1/registry/storage/paths.go
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from ops.core import exit_codes

VERSION_FOLDER = Path("docker/registry/v2")
# Of any algorithm: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests . Shorter encoded parts are none:
# 32 characters are the least of any registered algorithm, and `host:5000` is a name.
_ALGORITHM, _ENCODED = r"[a-z0-9]+(?:[+._-][a-z0-9]+)*", r"[a-zA-Z0-9=_-]{32,}"
DIGEST = re.compile(
    rf"sha256:[0-9a-f]{{64}}|sha384:[0-9a-f]{{96}}|sha512:[0-9a-f]{{128}}|(?!sha(?:256|384|512):){_ALGORITHM}:{_ENCODED}"
)
_FILE = re.compile(
    rf"blobs/(?P<blob>{_ALGORITHM}/(?P<start>[a-zA-Z0-9=_-]{{2}})/(?=(?P=start)){_ENCODED})/data"
    rf"|repositories/(?P<repository>.+?)/(?:_(?P<area>layers|manifests/revisions)/(?P<linked>{_ALGORITHM}/{_ENCODED})/link"
    rf"|_manifests/tags/(?P<tag>[^/]+)/(?:current/link|index/(?P<named>{_ALGORITHM}/{_ENCODED})/link))"
)


class TreeError(Exception):
    """Something in the tree is damaged; the message names the file."""

    exit_code = exit_codes.FAILED


class Kind(IntEnum):
    """What a file in the tree is. In this order they can be written safely: targets before what points to them."""

    BLOB = 1
    LAYER = 2
    REVISION = 3
    TAG_HISTORY = 4
    TAG = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the tree, as its path describes it.

    Attributes:
        kind: What it is.
        digest: The blob or manifest that it holds or points to; empty for a tag, whose content says it.
        repository: The repository that it belongs to; empty for a blob.
        tag: For a tag, and for its history.
    """

    kind: Kind
    digest: str
    repository: str = ""
    tag: str = ""


def entry_of(path: str) -> Entry | None:
    """Return what a file is, from its path below the tree's version folder; None for uploads and unknown files."""
    match = _FILE.fullmatch(path)
    if match is None:
        return None
    if match["tag"] and not match["named"]:
        return Entry(Kind.TAG, "", match["repository"], match["tag"])
    algorithm, *_, encoded = (match["blob"] or match["linked"] or match["named"]).split("/")
    digest = f"{algorithm}:{encoded}"
    if not DIGEST.fullmatch(digest):
        return None
    if match["blob"]:
        return Entry(Kind.BLOB, digest)
    if match["named"]:
        return Entry(Kind.TAG_HISTORY, digest, match["repository"], match["tag"])
    return Entry(Kind.LAYER if match["area"] == "layers" else Kind.REVISION, digest, match["repository"])


def path_of(entry: Entry) -> str:
    """Return where a file is, from what it is, below the tree's version folder. The reverse of `entry_of`."""
    algorithm, _, encoded = entry.digest.partition(":")
    if entry.kind == Kind.BLOB:
        return f"blobs/{algorithm}/{encoded[:2]}/{encoded}/data"
    folder = f"repositories/{entry.repository}"
    match entry.kind:
        case Kind.TAG:
            return f"{folder}/_manifests/tags/{entry.tag}/current/link"
        case Kind.TAG_HISTORY:
            return f"{folder}/_manifests/tags/{entry.tag}/index/{algorithm}/{encoded}/link"
        case Kind.REVISION:
            return f"{folder}/_manifests/revisions/{algorithm}/{encoded}/link"
    return f"{folder}/_layers/{algorithm}/{encoded}/link"


def linked_by(path: str) -> str:
    """Return the digest that the path of a link ends with, whatever kind of link it is; empty for other files.

    Older registries have links that today's has not: signatures below a revision, for one.
    """
    folders = path.split("/")
    digest = ":".join(folders[-3:-1])
    return digest if folders[-1] == "link" and DIGEST.fullmatch(digest) else ""


@dataclass(frozen=True)
class RegistryTree:
    """The tree below a root directory (`storage.filesystem.rootdirectory`).

    From 3.1.0 on the registry writes each file beside its place and renames it, so a file that exists is complete.

    Attributes:
        root: The root directory.
    """

    root: Path

    @cached_property
    def top(self) -> Path:
        """The folder that everything is in, and that the paths of `entry_of` are relative to."""
        return self.root / VERSION_FOLDER

    @cached_property
    def blobs(self) -> Path:
        """The folder of all blobs, manifests included."""
        return self.top / "blobs"

    @cached_property
    def repositories(self) -> Path:
        """The folder of all repositories."""
        return self.top / "repositories"

    def blob(self, digest: str) -> Path:
        """Return the file of a blob or manifest.

        Raises:
            TreeError: This is not a digest.
        """
        if not DIGEST.fullmatch(digest):
            raise TreeError(f"{digest!r} is not a digest")
        algorithm, _, encoded = digest.partition(":")
        return self.blobs / algorithm / encoded[:2] / encoded / "data"

    def repository(self, name: str) -> Path:
        """Return the folder of a repository."""
        return self.repositories / name

    def tag_folder(self, repository: str, tag: str) -> Path:
        """Return the folder of a tag. The registry lists the tag as long as the folder exists (`ops.registry.leftovers`)."""
        return self.repository(repository) / "_manifests" / "tags" / tag

    def tag(self, repository: str, tag: str) -> Path:
        """Return the file that says which manifest a tag points to."""
        return self.tag_folder(repository, tag) / "current" / "link"

    def revision(self, repository: str, digest: str) -> Path:
        """Return the file that says that a repository has a manifest."""
        return self.repository(repository) / "_manifests" / "revisions" / digest.replace(":", "/") / "link"

    def layer(self, repository: str, digest: str) -> Path:
        """Return the file that says that a repository has a blob."""
        return self.repository(repository) / "_layers" / digest.replace(":", "/") / "link"

    def stored_as(self, repository: str, digest: str) -> str:
        """Return the digest under which a repository's blob is kept: the registry stores by SHA-256, and links others to that.

        Raises:
            TreeError: The link cannot be read.
        """
        if digest.startswith("sha256:"):
            return digest
        try:
            return read_link(self.layer(repository, digest))
        except FileNotFoundError:
            return digest

    def repository_names(self, unreadable: Callable[[OSError], None] | None = None) -> Iterator[str]:
        """Yield the names of all repositories, including those without tags, in no particular order.

        Args:
            unreadable: Called with the error of each folder that cannot be read; the folder is then skipped.

        Raises:
            OSError: A folder cannot be read, and `unreadable` is not given.
        """
        return (name for name, areas in self.repository_areas(unreadable) if "_manifests" in areas)

    def repository_areas(self, unreadable: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield each repository's name, and which of `_manifests`, `_layers` and `_uploads` it has, in no particular order.

        Without `_manifests`, its first push is in progress or was abandoned. Symbolic links are followed, as the registry does.

        Args:
            unreadable: Called with the error of each folder that cannot be read; the folder is then skipped.

        Raises:
            OSError: A folder cannot be read, and `unreadable` is not given.
        """
        top = str(self.repositories)
        pending, linked = [top], {self.repositories.resolve()}
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    names = [entry.name for entry in entries if entry.is_dir() and not _seen(entry, linked)]
            except FileNotFoundError:  # just deleted, or nothing was ever pushed
                continue
            except OSError as error:
                if unreadable is None:
                    raise
                unreadable(error)
                continue
            areas = frozenset(name for name in names if name.startswith("_"))
            if areas:
                yield folder[len(top) + 1 :], areas
            pending.extend(f"{folder}/{name}" for name in names if name not in areas)

    def files(self) -> Iterator[str]:
        """Yield the paths of all files below `top`, including temporary files and uploads, in no particular order."""
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
        """Return the names of a repository's tags, in order; not those of which only a folder is left."""
        folder = self.repository(repository) / "_manifests" / "tags"
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if points(entry.path))
        except FileNotFoundError:
            return []

    def tagged(self, repository: str, tag: str) -> str | None:
        """Return the digest that a tag points to; None if the tag does not exist.

        Raises:
            TreeError: Its link file does not contain a digest.
        """
        try:
            return read_link(self.tag(repository, tag))
        except FileNotFoundError:
            return None


def _seen(entry: os.DirEntry[str], linked: set[Path]) -> bool:
    """Whether an entry is a symbolic link to a folder that another one has led to: it may be a circle."""
    if not entry.is_symlink():
        return False
    target = Path(entry.path).resolve()
    seen = target in linked
    linked.add(target)
    return seen


def points(tag_folder: str) -> bool:
    """Whether the folder of a tag has the file that says what it points to. One that cannot be looked at has it."""
    try:
        os.stat(f"{tag_folder}/current/link")  # noqa: PTH116  # a hundred thousand times
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def read_link(path: Path) -> str:
    """Return the digest in a link file.

    Raises:
        FileNotFoundError: There is no such file.
        TreeError: It does not contain one: a registry before 3.1.0 may have crashed and left it empty.
    """
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not DIGEST.fullmatch(text):
        raise TreeError(f"{path}: contains {text!r}, which is not a digest; delete the tag or revision that it belongs to")
    return text
