"""Copies an asset to another machine by SFTP; where things go depends on what is there, as with `scp`."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.values import Asset

# So much of a file is in memory at a time; the library sends it in many requests at once.
_READ_BYTES = 4 * 1024 * 1024


async def copy_to(connection: asyncssh.SSHClientConnection, source: Asset, path: str) -> None:
    """Copy a file, a folder or a text; folders above it are made.

    Raises:
        PluginError: It cannot be read here or written there.
    """
    with _telling("sftp"):
        async with connection.start_sftp_client() as sftp:
            if source.text is not None:
                await _copy_text(sftp, source.text, path)
            elif _is_local_folder(source.path):
                await _copy_folder_to(sftp, source.path, path)
            else:
                await _copy_file_to(sftp, source.path, path)


async def _copy_text(sftp: asyncssh.SFTPClient, text: str, path: str) -> None:
    if await _is_folder(sftp, path):
        raise PluginError(f"remote path {path} is a directory; when using a text asset, remotePath must be a file path")
    await _make_parents(sftp, path)
    with _telling(f"failed to create remote file {path}"):
        file = await sftp.open(path, "wb")
    with _telling(f"failed to write text content to remote path {path}"):
        async with file:
            await file.write(text.encode())


async def _copy_file_to(sftp: asyncssh.SFTPClient, source: str, path: str) -> None:
    found = await _is_folder(sftp, path)
    if found:
        path = posixpath.join(path, posixpath.basename(source))
    elif found is None:
        await _make_parents(sftp, path)
    await _copy_file(sftp, source, path)


async def _copy_folder_to(sftp: asyncssh.SFTPClient, source: str, path: str) -> None:
    """Copy a folder into a folder of the same name, or only what is in it when the source ends with a slash."""
    if await _is_folder(sftp, path) is None:
        with _telling(f"failed to create remote directory {path}"):
            await sftp.makedirs(path, exist_ok=True)
    if not source.endswith("/"):
        path = posixpath.join(path, posixpath.basename(source))
    await _copy_folder(sftp, source, path)


async def _copy_folder(sftp: asyncssh.SFTPClient, source: str, path: str) -> None:
    found = await _is_folder(sftp, path)
    if found is None:
        with _telling(f"failed to create remote directory {path}"):
            await sftp.mkdir(path)
    elif not found:
        raise PluginError(f"remote path {path} exists but is not a directory")
    with _telling(f"open {source}"):
        entries = sorted(Path(source).iterdir())
    for entry in entries:
        # A link to a folder is no folder, and cannot be read as a file: like the official plugin, this fails.
        copy = _copy_folder if entry.is_dir() and not entry.is_symlink() else _copy_file
        await copy(sftp, str(entry), posixpath.join(path, entry.name))


async def _copy_file(sftp: asyncssh.SFTPClient, source: str, path: str) -> None:
    with contextlib.ExitStack() as stack:
        with _telling(f"open {source}"):
            local = stack.enter_context(Path(source).open("rb"))
        with _telling(f"failed to create remote file {path}"):
            remote = await sftp.open(path, "wb")
        with _telling(f"failed to copy file {source} to remote path {path}"):
            async with remote:
                while chunk := local.read(_READ_BYTES):
                    await remote.write(chunk)


async def _make_parents(sftp: asyncssh.SFTPClient, path: str) -> None:
    with _telling(f"failed to create parent directories for {path}"):
        await sftp.makedirs(posixpath.dirname(path) or ".", exist_ok=True)


async def _is_folder(sftp: asyncssh.SFTPClient, path: str) -> bool | None:
    """Return whether a path of the other machine is a folder; None when there is nothing."""
    with _telling(f"failed to stat remote path {path}"):
        try:
            return stat.S_ISDIR((await sftp.stat(path)).permissions or 0)
        except asyncssh.SFTPNoSuchFile:
            return None


def _is_local_folder(path: str) -> bool:
    with _telling(f"open {path}"):
        return stat.S_ISDIR(Path(path).stat().st_mode)


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except asyncssh.SFTPNoSuchFile as error:
        raise PluginError(f"{what}: file does not exist") from error
    except asyncssh.SFTPPermissionDenied as error:
        raise PluginError(f"{what}: permission denied") from error
    except asyncssh.SFTPError as error:
        raise PluginError(f'{what}: sftp: "{error.reason}"') from error
    except asyncssh.Error as error:
        raise PluginError(f"{what}: {error.reason}") from error
    except OSError as error:
        raise PluginError(f"{what}: {os.strerror(error.errno).lower() if error.errno else error}") from error
