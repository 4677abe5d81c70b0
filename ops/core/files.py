"""The one place that writes files: whole or not at all, with the mode set before the content is there."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomic(path: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Replace the content of `path` atomically: temporary file, fsync, rename, fsync of the folder.

    A reader sees the old or the new content, never a part of it. After kill -9 or on a full disk the old content is still there.
    Missing parent folders are created.

    Args:
        path: The file to write.
        content: Its new content; text is written as UTF-8.
        mode: Permission bits, set before the first byte is written.

    Raises:
        OSError: The folder cannot be written or the disk is full; `path` is unchanged.
    """
    _write(path, content, mode, lambda name: name.replace(path))


def write_once(path: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file as `write_atomic` does, unless there is one.

    Raises:
        FileExistsError: There is one; it stays as it is.
        OSError: The folder cannot be written or the disk is full.
    """

    def link(name: Path) -> None:
        path.hardlink_to(name)
        name.unlink()

    _write(path, content, mode, link)


def _write(path: Path, content: bytes | str, mode: int, put_in_place: Callable[[Path], object]) -> None:
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(Path(name))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def copy_mode_and_owner(path: Path, of: os.stat_result) -> None:
    """Give a file or folder the mode of another one, and where this process is root, its owner.

    Raises:
        OSError: It cannot be changed.
    """
    path.chmod(stat.S_IMODE(of.st_mode))
    if os.geteuid() == 0:
        os.chown(path, of.st_uid, of.st_gid)


def drop_links(folder: Path | str) -> None:
    """Remove all below a folder that is neither file nor folder, such as symbolic links, devices and pipes. None is followed.

    Raises:
        OSError: One cannot be removed.
    """
    with os.scandir(folder) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                drop_links(one.path)
            elif not one.is_file(follow_symlinks=False):
                os.unlink(one.path)  # noqa: PTH108


def give_to_owner_of(folder: Path, *paths: Path) -> None:
    """Give files and folders to whom a folder belongs, where this process is root and they would be of no use to anybody else.

    Raises:
        OSError: It cannot be changed.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
