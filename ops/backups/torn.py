"""Removes files of a repository that were written half: what they hold is not what their names say, so nobody can read them.

restic removes none that it cannot read: https://github.com/restic/restic/issues/21892
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ops.backups.errors import BackupError
from ops.core.process import CommandError, run

_LIMIT_S = 120.0


def remove_torn(repository: str, sftp: Sequence[str], file: str, scratch: Path) -> None:
    """Remove a file of a repository, if it is not what its name says: the SHA-256 of what it holds.

    Args:
        repository: A folder, or where restic finds it by sftp (`sftp://user@host:port/path`).
        sftp: `sftp` and how it connects; empty for a folder.
        file: Its path in the repository.
        scratch: A folder to fetch it to.

    Raises:
        BackupError: It cannot be read or removed, or is what its name says.
    """
    try:
        if sftp:
            _remove_there(sftp, f"{_path(repository)}/{file}", scratch)
            return
        path = Path(repository, file)
        _require_torn(path, path.name)
        path.unlink(missing_ok=True)
    except (OSError, CommandError) as error:
        raise BackupError(f"{file} in {repository} cannot be removed: {error}") from error


def _remove_there(sftp: Sequence[str], path: str, scratch: Path) -> None:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        fetched = Path(folder, "fetched")
        _ask(sftp, f'get "{path}" "{fetched}"')
        _require_torn(fetched, Path(path).name)
        _ask(sftp, f'rm "{path}"')


def _require_torn(file: Path, name: str) -> None:
    with file.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == name:
            raise BackupError(f"restic could not read {file.name}, although it is whole; run it again")


def _ask(sftp: Sequence[str], command: str) -> None:
    program, *rest = sftp
    run([program, "-q", "-b", "-", *rest], timeout=_LIMIT_S, stdin=f"{command}\n")


def _path(repository: str) -> str:
    """Return the path on the server, as `SshTarget` has put it into the repository's name."""
    return repository.partition("://")[2].partition("/")[2]
