"""Where a stack's backups are, and what `ops` knows of each."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.backups.checksums import Shell
from ops.backups.errors import BackupError, NoRepositoryError
from ops.backups.restic import Restic, by_sftp
from ops.backups.stage import INDEX, Stage
from ops.backups.told import Backup
from ops.config import APPEND_ONLY, BACKUP_FOLDER, BACKUP_PASSWORD, BACKUP_SSH_KEY, BACKUP_TARGET, STORAGE_BOX, SshTarget
from ops.core.files import give_to_owner_of, write_atomic
from ops.core.ssh import ssh_options
from ops.registry.index import Index, read_index
from ops.stack.stack import Stack

# Notes that restic keeps with a backup.
GOOD, SUSPICIOUS = "good", "suspicious"
_STATE, _FILES, _NUMBER = "state=", "files=", "number="
LATEST = "latest"


def stage_of(stack: Stack) -> Stage:
    """Return the stage of a stack."""
    return Stage(stack.root / BACKUP_FOLDER / "stage")


@dataclass(frozen=True)
class BackupRepository:
    """A stack's backups.

    Attributes:
        restic: The repository.
        folder: Where things are kept in between.
        shell: The server, if the key may run commands there.
    """

    restic: Restic
    folder: Path
    shell: Shell | None = None

    def all(self, *, create: bool = False) -> list[Backup]:
        """Return all backups, in the order in which they were made; none if there is no repository yet.

        Args:
            create: Whether to create the repository then.

        Raises:
            BackupError: It cannot be read, or cannot be created.
        """
        try:
            return sorted(self.restic.backups(), key=_number)  # those without a number first, by their times
        except NoRepositoryError:
            if create:
                self.restic.create()
            return []

    def find(self, name: str = LATEST, *, at: datetime | None = None, among: Sequence[Backup] | None = None) -> Backup:
        """Return a backup.

        Args:
            name: Its id, or the first characters of it; `latest` for the latest good one.
            at: The latest good one that was made by then, instead.
            among: All backups, if they are known; asking for them takes a while.

        Raises:
            BackupError: There is none.
        """
        found = self.all() if among is None else among
        if name != LATEST:
            named = [one for one in found if one.id.startswith(name)]
            if len(named) != 1:
                raise BackupError(f"{len(named) or 'no'} backups are called {name}; `regops backups` lists them")
            return named[0]
        good = [one for one in found if is_good(one) and (at is None or one.made_at <= at)]
        if not good:
            when = f" from before {at:%Y-%m-%d %H:%M}Z" if at else ""
            raise BackupError(f"there is no good backup{when} in {self.restic.shown}; `regops backups` lists what there is")
        return good[-1]

    def index(self, backup: Backup) -> Index:
        """Return what the registry had at the moment of a backup.

        Raises:
            BackupError: It cannot be read.
            IndexDamagedError: It is damaged.
        """
        file = self._index_file(backup)
        if not file.exists():
            self._write_index(file, self.restic.text(backup.id, INDEX).encode())
        return read_index(file)

    def keep_index(self, backup: Backup, index: Path) -> None:
        """Keep the index of a new backup here, and no other, since the next one is compared with it."""
        content = index.read_bytes()
        folder = self._index_file(backup).parent
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        self._write_index(self._index_file(backup), content)

    def _write_index(self, file: Path, content: bytes) -> None:
        write_atomic(file, content, mode=0o600)
        give_to_owner_of(self.folder, file.parent, file)

    def _index_file(self, backup: Backup) -> Path:
        return self.folder / "indexes" / f"{backup.id}.jsonl"


def repository_of(stack: Stack, password: str = BACKUP_PASSWORD, key: Path | None = None) -> BackupRepository:
    """Return where a stack's backups are.

    Args:
        stack: Whose.
        password: The secret file of the password to open it with: `BACKUP_PASSWORD`, or `BACKUP_SECOND_PASSWORD`.
        key: A key to log in with that may remove backups, where the host's own may not.

    Raises:
        BackupError: The stack has no backups.
    """
    target = stack.config.backup.target
    if target is None:
        raise BackupError("this stack has no backups: set backup.target in its settings, then run `up`")
    folder = stack.root / BACKUP_FOLDER
    # One for each user: restic cannot use what another one has left in its cache, and then overlooks backups.
    password_file, cache = stack.root / "secrets" / password, folder / f"cache-{os.geteuid()}"
    if target == STORAGE_BOX:
        target = stack.secret(BACKUP_TARGET).strip()
    if ssh := SshTarget.of(target):
        words = _connecting(stack, ssh, folder, key)
        shell = ["ssh", "-p", str(ssh.port), *words, f"{ssh.user}@{ssh.host.strip('[]')}"]
        if stack.config.backup.is_append_only and key is None:
            by_rclone, place = _by_rclone(shell), f"{ssh.host}:{ssh.path}"
            restic = Restic(f"rclone:{ssh.path}", password_file, cache, by_rclone, place, connecting=[*shell, "rclone"])
            return BackupRepository(restic, folder)
        sftp = ["sftp", "-P", str(ssh.port), *words, f"{ssh.user}@{ssh.host}"]
        restic = Restic(ssh.sftp, password_file, cache, by_sftp(words), connecting=[*shell, "-s", "sftp"], sftp=sftp)
        return BackupRepository(restic, folder, Shell(shell, ssh.path))
    return BackupRepository(Restic(target, password_file, cache), folder)


def _connecting(stack: Stack, ssh: SshTarget, folder: Path, key: Path | None) -> list[str]:
    """Return the words for `ssh` to log in with a key, the stack's own if not given, to this server alone, and to ask nobody."""
    known, host_key = folder / "known_hosts", stack.config.backup.host_key
    if host_key:
        write_atomic(known, ssh.known_host(host_key), mode=0o600)
        give_to_owner_of(folder, known)
    identity = key or stack.root / "secrets" / BACKUP_SSH_KEY
    return ssh_options(identity=identity, known_hosts=known, trusts_new=host_key is None)


def _by_rclone(shell: Sequence[str]) -> list[str]:
    """Return the words for restic to talk to rclone at the other end, with the words that the key is tied to there."""
    return ["-o", f"rclone.program={shlex.join([*shell, 'rclone'])}", "-o", f"rclone.args={' '.join(APPEND_ONLY)}"]


def is_good(backup: Backup) -> bool:
    """Whether a backup is complete, and not suspicious: the registry had not lost much since the one before."""
    return GOOD in backup.tags and is_complete(backup)


def is_complete(backup: Backup) -> bool:
    """Whether all that was to be in a backup is in it. restic publishes one of what it could read, even where that is not all."""
    return backup.files >= int(_noted(backup, _FILES) or 0)


def notes(state: str, *, good: bool, files: int, before: Sequence[Backup]) -> list[str]:
    """Return what is noted with a backup.

    Args:
        state: The digest of all that is in it.
        good: Whether it is not suspicious.
        files: How many files it has.
        before: All backups that there are. The new one comes after them, whatever the clock says.
    """
    number = 1 + max(map(_number, before), default=0)
    return [GOOD if good else SUSPICIOUS, f"{_STATE}{state}", f"{_FILES}{files}", f"{_NUMBER}{number}"]


def state_of(backup: Backup) -> str:
    """Return the digest of all that is in a backup; empty if it was not noted, or not all is in it."""
    return _noted(backup, _STATE) if is_complete(backup) else ""


def _number(backup: Backup) -> int:
    return int(_noted(backup, _NUMBER) or 0)


def _noted(backup: Backup, name: str) -> str:
    return next((one.removeprefix(name) for one in backup.tags if one.startswith(name)), "")
