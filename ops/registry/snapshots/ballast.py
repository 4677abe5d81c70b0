"""Space that is kept so that there is some to work with on a full disk: deleting needs a record of what is deleted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BYTES = 16 * 2**20
# It is only put back where there is far more than it takes.
_PUT_BACK_ABOVE = 16 * _BYTES


@dataclass(frozen=True)
class Ballast:
    """A file that holds space, and is deleted when a task needs that space.

    Attributes:
        file: Its path.
    """

    file: Path

    @contextlib.contextmanager
    def given_up_if_needed(self) -> Iterator[None]:
        """Make room for a few files on a full disk; afterwards, hold the space again if there is plenty."""
        if _free(self.file.parent) < _BYTES:
            self.file.unlink(missing_ok=True)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._put_back()

    def _put_back(self) -> None:
        if self.file.exists() or _free(self.file.parent) < _PUT_BACK_ABOVE:
            return
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(handle, 0, _BYTES)
        finally:
            os.close(handle)


def _free(folder: Path) -> int:
    """Return the free bytes of a disk; on one without free inodes, none."""
    disk = os.statvfs(folder)
    return 0 if disk.f_files and not disk.f_favail else disk.f_bavail * disk.f_frsize
