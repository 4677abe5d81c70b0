"""Hard links between two trees of the registry: a whole copy, pointers first, and single files put back."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.core import exit_codes
from ops.registry.tree import RegistryTree

_POINTERS = ("_manifests/tags", "_manifests/revisions", "_layers")
# Looked at again after so many new folders.
_LOOK_EVERY = 500


class SnapshotError(Exception):
    """A snapshot cannot be made or used; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


class NoSpaceError(SnapshotError):
    """The disk has too little room."""

    exit_code = exit_codes.NO_SPACE


@dataclass
class Linker:
    """Makes folders and links below one tree, as the owner of another.

    Attributes:
        like: The folder whose owner new folders get, when this is root.
        min_free: Share of the disk's space and of its inodes that stays free.
    """

    like: Path
    min_free: float = 0.0

    def __post_init__(self) -> None:
        owner = self.like.stat()
        self._owner = None if os.geteuid() else (owner.st_uid, owner.st_gid)
        self._made = 0

    def folder(self, path: str) -> None:
        """Make a folder, with those above it that are missing.

        Raises:
            NoSpaceError: Too little would stay free.
        """
        if self._made % _LOOK_EVERY == 0:
            require_space(self.like, self.min_free)
        try:
            os.mkdir(path, 0o755)  # noqa: PTH102  # a hundred thousand times
        except FileExistsError:
            return
        except FileNotFoundError:
            self.folder(os.path.dirname(path))  # noqa: PTH120
            self.folder(path)
            return
        self._made += 1
        if self._owner:
            os.chown(path, *self._owner)

    def link(self, source: str, target: str) -> bool:
        """Give a file a second name; return False when it has gone, or the other name is taken."""
        try:
            os.link(source, target, follow_symlinks=False)
        except (FileNotFoundError, FileExistsError):
            return False
        return True

    def put(self, source: str, target: str) -> bool:
        """Give a file a second name, in folders that are made; return False when that name is taken, or the file has gone."""
        self.folder(os.path.dirname(target))  # noqa: PTH120
        return self.link(source, target)

    def replace(self, source: str, target: str) -> None:
        """Give a file a second name that another one may have, in one step."""
        beside = f"{target}.regops.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108
        os.link(source, beside, follow_symlinks=False)
        os.replace(beside, target)  # noqa: PTH105
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108  # both were one file already: rename leaves both names


def copy_tree(source: RegistryTree, target: RegistryTree, linker: Linker) -> None:
    """Copy a tree in use: all tags, then all revisions, then all links to layers, then all blobs.

    What points is copied before what it points to, so that a push in between leaves no pointer without its target. Uploads and
    files that are being written are left out. Safe from registry 3.1.0 on, which renames each file into its place.

    Raises:
        SnapshotError: The disk is full, or it is another one.
    """
    with explained(source.root, target.root):
        linker.folder(str(target.repositories))
        for area in _POINTERS:
            for repository, areas in source.repository_areas():
                if area.partition("/")[0] in areas and (source.repository(repository) / area).is_dir():
                    # Also an empty one: the collector takes a repository without `_manifests/tags` for none.
                    linker.folder(str(target.repository(repository) / area))
                    _copy(str(source.repository(repository) / area), str(target.repository(repository) / area), linker)
        for repository in target.repository_names():
            linker.folder(str(target.repository(repository) / "_layers"))  # the collector fails where there is none
        linker.folder(str(target.blobs))
        _copy(str(source.blobs), str(target.blobs), linker)


def _copy(source: str, target: str, linker: Linker) -> None:
    """Copy the files of a folder, and of those in it. A folder without files is what the registry leaves of a removed link."""
    try:
        with os.scandir(source) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return
    files = [name for name, is_folder in found if not is_folder and not name.endswith(".tmp")]
    if files:
        linker.folder(target)
    for name in files:
        linker.link(f"{source}/{name}", f"{target}/{name}")
    for name, is_folder in found:
        if is_folder:
            _copy(f"{source}/{name}", f"{target}/{name}", linker)


def require_space(folder: Path, min_free: float) -> None:
    """Check that enough of a disk is free, in bytes as in inodes.

    Args:
        folder: On the disk.
        min_free: Share of each; 0 for no check.

    Raises:
        NoSpaceError: Too little is free.
    """
    disk = os.statvfs(folder)
    shares = {"space": (disk.f_bavail, disk.f_blocks), "inodes": (disk.f_favail, disk.f_files)}
    for what, (free, whole) in shares.items():
        if min_free and whole and free < whole * min_free:  # some file systems make inodes as they need them, and count none
            raise NoSpaceError(
                f"the disk of {folder} has {free / whole:.1%} of its {what} free, and {min_free:.1%} must stay; "
                "remove old snapshots, or give the disk more room"
            )


@contextlib.contextmanager
def explained(source: Path, target: Path) -> Iterator[None]:
    """Say in plain words why a link could not be made.

    Raises:
        SnapshotError: One could not.
    """
    try:
        yield
    except OSError as error:
        match error.errno:
            case errno.EXDEV:
                reason = f"{target} is on another file system than {source}: files of one cannot have names on the other; move it"
            case errno.EMLINK:
                reason = f"{error.filename} has as many names as its file system allows; remove old snapshots"
            case errno.ENOSPC | errno.EDQUOT:
                raise NoSpaceError(f"no space or no inodes are left for {target}; remove old snapshots") from error
            case errno.EPERM:
                reason = f"{error.filename} may not be given a second name: run this as root, or as the owner of {source}"
            case _:
                raise
        raise SnapshotError(reason) from error
