"""The trash: what a garbage collection removes is moved there, and put back from there, without copying a byte."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.core import exit_codes
from ops.registry.tree import Entry, Kind, RegistryTree, path_of

_BLOB_MODE, _LINK_MODE = 0o644, 0o644


class SnapshotError(Exception):
    """A snapshot cannot be made or used; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


class NoSpaceError(SnapshotError):
    """The disk has no space or inodes left."""

    exit_code = exit_codes.NO_SPACE


@dataclass(frozen=True)
class Trash:
    """Removed blobs, as `<first two characters>/<digest>`: in flat folders, since each folder takes up 4 KiB.

    Attributes:
        folder: Where they are, on the file system of the registry's tree. It is made when it is needed.
    """

    folder: Path

    def file(self, digest: str) -> Path:
        """Return where a blob is, if it is here."""
        return self.folder / digest.partition(":")[2][:2] / digest

    def move_in(self, blob: str, digest: str) -> bool:
        """Move a blob's file here; return False if it is gone."""
        target = str(self.file(digest))
        try:
            os.rename(blob, target)  # noqa: PTH104  # ten thousand times
        except FileNotFoundError:
            if not os.path.exists(blob):  # noqa: PTH110
                return False
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            os.rename(blob, target)  # noqa: PTH104
        with contextlib.suppress(FileNotFoundError):
            os.unlink(blob)  # noqa: PTH108  # it was put back from here: rename leaves both names of one file
        return True

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Yield the digest of each blob that is only here, and the bytes that it takes up."""
        for start in _entries(self.folder):
            for one in _entries(start.path):
                found = one.stat(follow_symlinks=False)
                if found.st_nlink == 1:
                    yield one.name, found.st_blocks * 512

    def empty(self) -> None:
        """Delete everything here."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)


@dataclass
class Restorer:
    """Puts files back into a registry's tree, as its owner. Nothing that exists is touched, except by `replace`.

    Attributes:
        tree: The tree.
    """

    tree: RegistryTree

    def __post_init__(self) -> None:
        owner = self.tree.root.stat()
        self._owner = None if os.geteuid() else (owner.st_uid, owner.st_gid)

    def put_blob(self, source: Path, digest: str) -> bool:
        """Put a blob back, which stays in the trash too until that is emptied.

        Returns:
            False if it exists, or if the source is gone.
        """
        target = self.tree.blob(digest)
        self._folder(str(target.parent))
        with contextlib.suppress(FileNotFoundError):
            if target.is_symlink() and not target.exists():
                target.unlink()  # it led to a backup that is not mounted any more
        try:
            os.link(source, target, follow_symlinks=False)
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def put_symlink(self, source: str, digest: str) -> None:
        """Put a link to a file in the place of a missing blob or of another link. It is relative: containers have other paths.

        Args:
            source: The file, below the tree's own folder.
            digest: The blob's.
        """
        target = f"{self.tree.top}/{path_of(Entry(Kind.BLOB, digest))}"
        folder = os.path.dirname(target)  # noqa: PTH120
        content = os.path.relpath(source, folder)
        self._folder(folder)
        try:
            os.symlink(content, target)  # noqa: PTH211  # a hundred thousand times
        except FileExistsError:
            if not os.path.islink(target) or os.readlink(target) == content:  # noqa: PTH114, PTH115
                return
            os.unlink(target)  # noqa: PTH108
            os.symlink(content, target)  # noqa: PTH211
        if self._owner:
            os.chown(target, *self._owner, follow_symlinks=False)

    def replace_blob(self, source: Path, digest: str) -> bool:
        """Put another file in a blob's place, in one step: whoever is reading the one before reads that to its end.

        Returns:
            False if the blob is gone.
        """
        target = self.tree.blob(digest)
        if not target.exists():
            return False
        self.own(source)
        source.replace(target)
        return True

    def own(self, blob: Path) -> None:
        """Give a file that is to become a blob the mode and the owner that the registry's own have."""
        blob.chmod(_BLOB_MODE)
        if self._owner:
            os.chown(blob, *self._owner)

    def put_link(self, entry: Entry, content: str) -> bool:
        """Write a link unless it exists; return whether it was written."""
        path = f"{self.tree.top}/{path_of(entry)}"
        if os.path.exists(path):  # noqa: PTH110
            return False
        self.replace(entry, content)
        return True

    def replace(self, entry: Entry, content: str) -> None:
        """Write a link as the registry does: beside its place, then renamed, so that a reader sees the old or the new one."""
        path = f"{self.tree.top}/{path_of(entry)}"
        self._folder(os.path.dirname(path))  # noqa: PTH120
        beside = f"{path}.regops.tmp"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _LINK_MODE)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
        if self._owner:
            os.chown(beside, *self._owner)
        os.replace(beside, path)  # noqa: PTH105

    def _folder(self, path: str) -> None:
        try:
            os.mkdir(path, 0o755)  # noqa: PTH102  # a hundred thousand times
        except FileExistsError:
            return
        except FileNotFoundError:
            self._folder(os.path.dirname(path))  # noqa: PTH120
            self._folder(path)
            return
        if self._owner:
            os.chown(path, *self._owner)


def remove(tree: RegistryTree, entry: Entry, trash: Trash) -> bool:
    """Remove one file of a tree with its folder: a blob goes to the trash, a link is deleted, a tag with its whole folder.

    Returns:
        False if it was gone.
    """
    path = f"{tree.top}/{path_of(entry)}"
    if entry.kind == Kind.TAG:
        # The folder is the tag: the registry lists it even without a link.
        shutil.rmtree(tree.tag_folder(entry.repository, entry.tag), ignore_errors=True)
        return True
    if entry.kind == Kind.BLOB:
        there = trash.move_in(path, entry.digest)
    else:
        there = True
        try:
            os.unlink(path)  # noqa: PTH108
        except FileNotFoundError:
            there = False
    with contextlib.suppress(OSError):  # a crash of the registry may have left something in it
        os.rmdir(os.path.dirname(path))  # noqa: PTH106, PTH120
    return there


def one_file_system(snapshots: Path, tree: RegistryTree) -> None:
    """Check that blobs can be moved to the trash.

    Raises:
        SnapshotError: Snapshots are on another file system than the registry's tree.
    """
    if tree.root.exists() and snapshots.stat().st_dev != tree.root.stat().st_dev:
        raise SnapshotError(f"{snapshots} is on another file system than {tree.root}, so nothing can be moved there; move it")


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of a full disk into plain words.

    Raises:
        NoSpaceError: There is no space, or there are no inodes.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError(
                f"no space or inodes are left for {folder}; delete old snapshots with `regops snapshot delete`"
            ) from error
        raise


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except (FileNotFoundError, NotADirectoryError):
        return
