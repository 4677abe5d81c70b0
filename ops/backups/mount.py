"""A backup as files that need not be restored first: restic's mount, from which a registry serves what is not on the disk yet."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from ops.backups.errors import BackupError
from ops.backups.repository import BackupRepository
from ops.backups.stage import POOL
from ops.backups.told import Backup
from ops.core.files import write_atomic
from ops.core.process import CommandError, birth_of, run

# Of FUSE; root needs it too, since it is what restic calls.
_UNMOUNT = "fusermount"
_DEVICE = Path("/dev/fuse")
# By far most of it is reading the repository's index.
_READY_LIMIT_S, _UNMOUNT_LIMIT_S = 120.0, 10.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class BackupMount:
    """Where a backup can be read file by file.

    Attributes:
        backups: Where the backups are.
        folder: Where they are mounted.
    """

    backups: BackupRepository
    folder: Path

    def content(self, backup: Backup) -> Path:
        """Return the folder of a backup's content."""
        return self.folder / "ids" / backup.name

    def shows(self, backup: Backup) -> bool:
        """Whether a backup's content can be read."""
        try:
            # A folder's own attributes would be known to the kernel for a while longer.
            return any(one.name == POOL for one in self.content(backup).iterdir())
        except OSError:  # the process that answered has ended
            return False

    def start(self, backup: Backup) -> None:
        """Mount the backups anew, by a process that outlives this one.

        Args:
            backup: The one that has to be readable.

        Raises:
            BackupError: It cannot be read that way; the message says why.
        """
        self.stop()
        if shutil.which(_UNMOUNT) is None or not _DEVICE.exists():
            raise BackupError(f"this host lacks {_UNMOUNT} or {_DEVICE}; install the package fuse3")
        log = self._process.with_suffix(".log")
        log.unlink(missing_ok=True)
        self.folder.mkdir(exist_ok=True)
        process = self.backups.restic.mount(self.folder, log)
        write_atomic(self._process, json.dumps([process, birth_of(process)]), mode=0o600)
        until = time.monotonic() + _READY_LIMIT_S
        while not self.shows(backup):
            if _has_ended(process) or time.monotonic() > until:
                said = log.read_text(errors="replace").strip().splitlines() or ["it did not answer in time"]
                self.stop()
                raise BackupError(f"restic cannot mount it: {said[-1]}")
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """Unmount, if something is mounted; what reads it meanwhile gets an error."""
        if self._process.exists():
            with contextlib.suppress(CommandError):  # it is not installed, so nothing is mounted
                run([_UNMOUNT, "-u", "-q", "-z", self.folder], timeout=_UNMOUNT_LIMIT_S, check=False)
            process, birth = json.loads(self._process.read_text())
            # A container that has seen the mount keeps it alive.
            if birth and birth_of(process) == birth:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process, signal.SIGKILL)
            _has_ended(process)
            self._process.unlink()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    @property
    def _process(self) -> Path:
        """The file that says which process it is."""
        return self.backups.folder / "mount.json"


def _has_ended(process: int) -> bool:
    """Whether a process that was started here, or by an earlier run, has ended."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return not birth_of(process)
