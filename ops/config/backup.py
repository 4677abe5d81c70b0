"""Settings of backups: where they go, for how long they are kept, and what would be suspicious."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ops.config.base import Strict

_SSH = re.compile(
    r"ssh://(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{1,5}))?/(?P<path>[^\s]+)"
)


_PUBLIC_KEY = r"^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp[0-9]+) [A-Za-z0-9+/=]+$"


# Below the stack's folder, on the file system of the registry's tree.
BACKUP_FOLDER = "data/backup"
# Signs the reports of drills. It travels in backups, and is not where the reports are, which the console reads.
DRILL_KEY = f"{BACKUP_FOLDER}/proof-key.pem"
# Secret files: the password of the repository, the key to log in with, and the URL of a Storage Box.
BACKUP_PASSWORD, BACKUP_SSH_KEY, BACKUP_TARGET = "backup/password", "backup/ssh_key", "backup/target"
# Another password of the same repository, for the drill and for what is kept elsewhere: if one is lost, the other opens it.
BACKUP_SECOND_PASSWORD = "backup/second_password"  # noqa: S105  # the name of a file
# The command that a key which cannot remove backups is tied to, at the other end: https://rclone.org/commands/rclone_serve_restic/
APPEND_ONLY = ("serve", "restic", "--stdio", "--append-only")
# The stack's own Storage Box; where that is only known once it is rented.
STORAGE_BOX = "storage-box"
# For how long a restore may go without being tried.
DRILLED_WITHIN_DAYS = 8.0


def authorized_keys(host: str, pruner: str, path: str) -> str:
    """Return the `authorized_keys` of an account that takes backups.

    Args:
        host: Public key of the host, which can add and read backups, and nothing else.
        pruner: Public key that can do whatever the account can; empty for none.
        path: The folder of the backups, from the account's home.
    """
    command = shlex.join(["rclone", *APPEND_ONLY, path]).replace('"', '\\"')
    tied = f'command="{command}",restrict {host}\n'
    return f"{tied}{pruner}\n" if pruner else tied


def _target(text: str) -> str:
    if text != STORAGE_BOX and not _SSH.fullmatch(text) and not PurePosixPath(text).is_absolute():
        raise ValueError(f"should be the absolute path of a folder, ssh://user@host:port/path, or {STORAGE_BOX}")
    return text


@dataclass(frozen=True)
class SshTarget:
    """A folder on a server that is reached by SSH.

    Attributes:
        user: Who logs in.
        host: The server.
        port: The port of its SSH service.
        path: The folder, from that user's home.
    """

    user: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> SshTarget | None:
        """Return the server that an URL names, `ssh://user@host:port/path`; None if it is none."""
        match = _SSH.fullmatch(url)
        return cls(match["user"], match["host"], int(match["port"] or 22), match["path"]) if match else None

    @property
    def sftp(self) -> str:
        """The folder, as restic names it: https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html#sftp ."""
        return f"sftp://{self.user}@{self.host}:{self.port}/{self.path}"

    def known_host(self, key: str) -> str:
        """Return the line of `known_hosts` that trusts this server by its public key."""
        return f"[{self.host.strip('[]')}]:{self.port} {key}\n"


class KeepBackups(Strict):
    """For how long good backups are kept, counted back from the latest one, which always is. Suspicious ones always are, too.

    Attributes:
        all_days: Every backup.
        daily_days: One a day.
        weekly_days: One a week.
        monthly_days: One a month.
        grace_days: How long a backup that could go still stays.
        max_share: Share of the backups that may be too old for all of these, without `--allow share`.
    """

    all_days: Annotated[int, Field(ge=1, le=3650)] = 3
    daily_days: Annotated[int, Field(ge=0, le=3650)] = 14
    weekly_days: Annotated[int, Field(ge=0, le=3650)] = 60
    monthly_days: Annotated[int, Field(ge=0, le=3650)] = 365
    grace_days: Annotated[int, Field(ge=0, le=365)] = 7
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.5


class BackupSettings(Strict):
    """Backups.

    Attributes:
        target: A folder, or a server: `ssh://user@host:port/path`, or `storage-box`, which is the default where one is rented.
            Without it there are no backups.
        host_key: Public key of that server, `ssh-ed25519 AAAA…`. Without it the first connection is trusted.
        append_only: Whether the server's `authorized_keys` lets the host's key add and read backups, and not remove any. If not
            set, that is so on the stack's Storage Box.
        keep: For how long they are kept.
        max_loss: Share of the tags, or of the blobs, of the last backup that may be gone: a registry that lost more is backed up
            too, but the backup is marked, and the good ones before it are kept.
    """

    target: Annotated[str, AfterValidator(_target)] | None = None
    host_key: Annotated[str, Field(pattern=_PUBLIC_KEY)] | None = None
    append_only: bool | None = None
    keep: KeepBackups = KeepBackups()
    max_loss: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _somebody_holds_the_key_back(self) -> Self:
        if self.append_only and self.target is not None and self.target != STORAGE_BOX and self.ssh is None:
            raise ValueError(
                "append_only is for a server, whose `authorized_keys` holds the key back: nothing does so for a folder"
            )
        return self

    @property
    def is_append_only(self) -> bool:
        """Whether the host's key cannot remove backups."""
        return self.target == STORAGE_BOX if self.append_only is None else self.append_only

    @property
    def ssh(self) -> SshTarget | None:
        """The server that backups go to; None for a folder, for the Storage Box, and without backups."""
        return SshTarget.of(self.target) if self.target else None
