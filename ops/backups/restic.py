"""One repository of restic, and the commands that work on it.

https://restic.readthedocs.io/en/stable/075_scripting.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.backups import told
from ops.backups.errors import LOCKED, BackupError, TornIndexError, TornSnapshotError, error_of
from ops.backups.said import said_full
from ops.backups.told import Backup
from ops.backups.torn import remove_torn
from ops.core.files import drop_links
from ops.core.process import CommandError, Completed, run, start_daemon
from ops.core.ssh import connection_problem

_PROGRAM = "restic"
_ANSWER_LIMIT_S, _WORK_LIMIT_S = 120.0, 12 * 3600.0
# Layers are compressed already; larger packs are fewer files to look at on the other side.
_SENDING = ("--compression", "off", "--pack-size", "64", "--ignore-ctime", "--one-file-system")
# What is half needed is sent here and back to be packed anew: not for the last tenth, and not all of it at once.
_PRUNING = ("--max-unused", "10%", "--max-repack-size", "10G")


def by_sftp(words: Sequence[str]) -> list[str]:
    """Return the options of a repository that is reached by sftp, from the options for `ssh`."""
    return ["-o", f"sftp.args={shlex.join(words)}"]


@dataclass(frozen=True)
class Restic:
    """A repository.

    Attributes:
        repository: Where it is, as restic names it.
        password_file: The file with its password.
        cache: Where restic keeps what it has read of the repository.
        options: Words for each command: how to connect.
        place: Where it is, for people, if the name of the repository does not tell.
        connecting: A command that connects as restic does, and ends; empty for a folder.
        sftp: `sftp` and how it connects, where files may be removed by it; empty for a folder, or where they may not.
    """

    repository: str
    password_file: Path
    cache: Path
    options: Sequence[str] = ()
    place: str = ""
    connecting: Sequence[str] = ()
    sftp: Sequence[str] = ()

    @property
    def shown(self) -> str:
        """Where it is, for people."""
        return self.place or self.repository

    def create(self) -> None:
        """Create the repository.

        Raises:
            BackupError: It cannot be created.
        """
        self._run(["init", "--repository-version", "2"], _ANSWER_LIMIT_S)

    def open(self) -> None:
        """Open the repository, and do nothing with it.

        Raises:
            OtherPasswordError: It has another password.
            BackupError: It cannot be opened.
        """
        self._run(["cat", "config", "--no-lock"], _ANSWER_LIMIT_S)

    def add_password(self, file: Path) -> None:
        """Make another password open the repository, too.

        Args:
            file: A file with it.

        Raises:
            BackupError: It cannot be added.
        """
        self._run(["key", "add", "--new-password-file", str(file)], _ANSWER_LIMIT_S)

    def back_up(self, folder: Path, *, host: str, tags: Sequence[str], after: str = "") -> Backup:
        """Back up a folder, always from the same place: restic compares a file with that of the same path in the backup before.

        Args:
            folder: The folder.
            host: Under which name it is found again; the stack's.
            tags: What is noted with it.
            after: The id of the backup before; if empty, all files are read. restic would look at all, and fail at a torn one.

        Raises:
            BackupError: It failed, or files went missing meanwhile. What was sent is not sent again by the next one.
        """
        words = ["backup", ".", "--json", "--host", host, *_SENDING, *(word for tag in tags for word in ("--tag", tag))]
        words += ["--parent", after] if after else ["--force"]
        said = self._run(words, _WORK_LIMIT_S, cwd=folder).stdout
        return told.backup_made(said, tags)

    def backups(self) -> list[Backup]:
        """Return all backups, the oldest first.

        Raises:
            NoRepositoryError: There is no repository yet.
            BackupError: It cannot be read.
        """
        said = self._run(["snapshots", "--json", "--no-lock"], _ANSWER_LIMIT_S).stdout
        return told.backups(said)

    def text(self, backup: str, file: str) -> str:
        """Return the text of a file in a backup.

        Raises:
            BackupError: It is not there, or cannot be read.
        """
        return self._run(["dump", "--no-lock", backup, f"/{file}"], _ANSWER_LIMIT_S).stdout

    def fetch(self, backup: str, target: Path, files: Sequence[str]) -> None:
        """Restore files below a folder, which should be empty or hold an interrupted restore: what is whole is not fetched again.

        Whatever is neither file nor folder, such as a link, is dropped: no backup of ours has any, so somebody has planted it.

        Args:
            backup: Its id.
            target: The folder.
            files: Paths in the backup, without a leading slash; a folder stands for all that is in it.

        Raises:
            BackupError: Some could not be restored.
        """
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        wanted = target.with_name(f"{target.name}.wanted")
        wanted.write_text("".join(f"/{_literal(file)}\n" for file in files))
        self._run(["restore", backup, "--no-lock", "--target", str(target), "--include-file", str(wanted)], _WORK_LIMIT_S)
        drop_links(target)

    def mount(self, folder: Path, log: Path) -> int:
        """Start a process that shows each backup as `ids/<name>` below a folder, until it is unmounted; return its id.

        What it shows can be read by the user who runs it, whoever owned it.

        Args:
            folder: The folder.
            log: What the process says is appended to it.

        Raises:
            BackupError: It cannot be started.
        """
        words = ["mount", str(folder), "--no-lock", "--no-default-permissions", "--path-template", "ids/%i"]
        try:
            return start_daemon(self._command(words), log=log)
        except CommandError as error:
            raise self._explained(error) from error

    def outlived(self, tag: str, keep: Mapping[str, int]) -> frozenset[str]:
        """Return the ids of the backups that need not be kept.

        The rules are restic's: https://restic.readthedocs.io/en/stable/060_forget.html

        Args:
            tag: Only backups with it are looked at; the others are kept.
            keep: For how many days, by what is kept: `within` for all, `within-daily` for one a day, and so on.

        Raises:
            BackupError: The backups cannot be read.
        """
        kept = [word for name, days in keep.items() if days for word in (f"--keep-{name}", f"{days}d")]
        words = ["forget", "--dry-run", "--no-lock", "--json", "--tag", tag, "--group-by", "", *kept]
        said = self._run(words, _ANSWER_LIMIT_S).stdout
        return told.outlived(said)

    def forget(self, backups: Sequence[str]) -> None:
        """Remove backups, but none of their data yet; see `prune`.

        Args:
            backups: Their ids, at least one.

        Raises:
            BackupError: Some could not be removed.
        """
        self._run(["forget", *backups], _WORK_LIMIT_S)

    def prune(self) -> None:
        """Remove the data that no backup needs, and what was written half. It may be killed, and run again.

        Raises:
            BackupError: It failed.
        """
        for torn in self.unreadable():
            remove_torn(self.repository, self.sftp, f"snapshots/{torn}", self.cache)
        try:
            self._run(["prune", *_PRUNING], _WORK_LIMIT_S)
        except TornIndexError:
            self._run(["repair", "index"], _WORK_LIMIT_S)
            self._run(["prune", *_PRUNING], _WORK_LIMIT_S)

    def unreadable(self) -> list[str]:
        """Return the names of the snapshots that cannot be read, and are therefore none of the backups.

        Raises:
            BackupError: They cannot be listed.
        """
        return sorted({*self._listed("snapshots", _ANSWER_LIMIT_S)} - {one.id for one in self.backups()})

    def packs(self) -> list[str]:
        """Return the names of the packs, which are files with data.

        Raises:
            BackupError: They cannot be listed.
        """
        return self._listed("packs", _WORK_LIMIT_S)

    def check(self, subset: str = "") -> None:
        """Check that the repository is whole: that everything is there which backups need.

        Args:
            subset: Which part of the data to read back as well: `1/14`, `5%` or `100%`.

        Raises:
            BackupError: It is not; the message has what restic says.
        """
        reading = ["--read-data-subset", subset] if subset else []
        try:
            self._run(["check", "--no-lock", *reading], _WORK_LIMIT_S)
        except TornSnapshotError as error:
            remedy = "make prune" if self.connecting and not self.sftp else "regops backups prune"
            files = ", ".join(f"snapshots/{name}" for name in self.unreadable())
            raise TornSnapshotError(f"{error}; `{remedy}` removes it: {files}") from error

    def _listed(self, kind: str, limit_s: float) -> list[str]:
        return told.names(self._run(["list", kind, "--no-lock"], limit_s).stdout)

    def _run(self, words: Sequence[str], limit_s: float, cwd: Path | None = None) -> Completed:
        try:
            try:
                return self._once(words, limit_s, cwd)
            except CommandError as error:
                if error.completed is None or error.completed.returncode != LOCKED:
                    raise
                # What was killed leaves its lock. This removes those whose process is gone, and no other.
                self._once(["unlock"], _ANSWER_LIMIT_S)
                return self._once(words, limit_s, cwd)
        except CommandError as error:
            raise self._explained(error) from error

    def _once(self, words: Sequence[str], limit_s: float, cwd: Path | None = None) -> Completed:
        # restic tries again for minutes what it has no room for, and nothing makes room meanwhile.
        here = self.repository
        return run(self._command(words), timeout=limit_s, cwd=cwd, ends_at=lambda line: said_full(line, here) == here)

    def _command(self, words: Sequence[str]) -> list[str]:
        command = [_PROGRAM, "--repo", self.repository, "--password-file", str(self.password_file)]
        return [*command, "--cache-dir", str(self.cache), *self.options, *words]

    def _explained(self, error: CommandError) -> BackupError:
        if error.completed is None:
            if "cannot start" in str(error):
                return BackupError(f"{_PROGRAM} cannot be started; install restic 0.17 or later")
            return BackupError(str(error))
        return error_of(error.completed, self.repository, self.shown, self._why_lost)

    def _why_lost(self) -> str:
        """Return why there is no connection: restic may end before it has passed on what `ssh` said."""
        if self.connecting:
            said = run(self.connecting, timeout=_ANSWER_LIMIT_S, check=False).stderr
            if why := connection_problem(said):
                return why
        return "the connection was lost; run it again: it goes on where it was"


def _literal(path: str) -> str:
    """Return a pattern that matches a path and nothing else."""
    return re.sub(r"([\\*?\[])", r"\\\1", path)
