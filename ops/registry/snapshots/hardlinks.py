"""Hard links between two registry trees: a whole copy, pointers first, or single files put back."""

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
# How many folders are made between checks of the free space.
_LOOK_EVERY = 500


class SnapshotError(Exception):
    """A snapshot cannot be made or used; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


class NoSpaceError(SnapshotError):
    """There is too little space on the disk."""

    exit_code = exit_codes.NO_SPACE


@dataclass
class Linker:
    """Makes folders and links below one tree, as the owner of another.

    Attributes:
        like: New folders get this folder's owner, if this runs as root.
        min_free: Share of the disk's space and inodes that has to stay free.
    """

    like: Path
    min_free: float = 0.0

    def __post_init__(self) -> None:
        owner = self.like.stat()
        self._owner = None if os.geteuid() else (owner.st_uid, owner.st_gid)
        self._made = 0

    def folder(self, path: str) -> None:
        """Make a folder and its missing parents.

        Raises:
            NoSpaceError: Too little is free.
        """
        if self._made % _LOOK_EVERY == 0:
            require_space(self.like, self.min_free)
        try:
            os.mkdir(path, 0o755)  # noqa: PTH102  # called a hundred thousand times
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
        """Hard-link a file; return False if it is gone, or if the target exists."""
        try:
            os.link(source, target, follow_symlinks=False)
        except (FileNotFoundError, FileExistsError):
            return False
        return True

    def put(self, source: str, target: str) -> bool:
        """Hard-link a file and make missing folders; return False if the target exists, or if the file is gone."""
        self.folder(os.path.dirname(target))  # noqa: PTH120
        return self.link(source, target)

    def replace(self, source: str, target: str) -> None:
        """Hard-link a file atomically over whatever is at the target."""
        beside = f"{target}.regops.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108
        os.link(source, beside, follow_symlinks=False)
        os.replace(beside, target)  # noqa: PTH105
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108  # both were the same file already: rename leaves both names


def copy_tree(source: RegistryTree, target: RegistryTree, linker: Linker) -> None:
    """Copy a tree in use: all tags, then all revisions, then all layer links, then all blobs.

    Pointers are copied before their targets, so that a push in between leaves no pointer without its target. Uploads and
    temporary files are left out. Safe from registry 3.1.0 on, which writes each file beside its place and renames it.

    Raises:
        SnapshotError: The disk is full, or the two are on different file systems.
    """
    with explained(source.root, target.root):
        linker.folder(str(target.repositories))
        for area in _POINTERS:
            for repository, areas in source.repository_areas():
                if area.partition("/")[0] in areas:
                    _copy(str(source.repository(repository) / area), str(target.repository(repository) / area), linker)
        linker.folder(str(target.blobs))
        _copy(str(source.blobs), str(target.blobs), linker)


def _copy(source: str, target: str, linker: Linker) -> None:
    """Copy a folder recursively, but no folders without files: the registry leaves those behind when it deletes links."""
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
    """Check that enough space and inodes are free on a disk.

    Args:
        folder: A folder on it.
        min_free: The share of each that has to be free; 0 for no check.

    Raises:
        NoSpaceError: Too little is free.
    """
    disk = os.statvfs(folder)
    shares = {"space": (disk.f_bavail, disk.f_blocks), "inodes": (disk.f_favail, disk.f_files)}
    for what, (free, whole) in shares.items():
        if min_free and whole and free < whole * min_free:  # some file systems make inodes on demand, and report none
            raise NoSpaceError(
                f"the disk of {folder} has {free / whole:.1%} of its {what} free, and needs {min_free:.1%}; "
                "delete old snapshots, or enlarge the disk"
            )


@contextlib.contextmanager
def explained(source: Path, target: Path) -> Iterator[None]:
    """Turn errors of hard links into plain words.

    Raises:
        SnapshotError: A link could not be made.
    """
    try:
        yield
    except OSError as error:
        match error.errno:
            case errno.EXDEV:
                reason = f"{target} is on another file system than {source}, so hard links are impossible; move it"
            case errno.EMLINK:
                reason = f"{error.filename} has as many hard links as its file system allows; delete old snapshots"
            case errno.ENOSPC | errno.EDQUOT:
                raise NoSpaceError(f"no space or inodes are left for {target}; delete old snapshots") from error
            case errno.EPERM:
                reason = f"{error.filename} may not be hard-linked: run this as root, or as the owner of {source}"
            case _:
                raise
        raise SnapshotError(reason) from error
