"""What can go wrong with backups, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ops.backups.said import said_full, said_lost, said_torn, said_torn_snapshot
from ops.config import BACKUP_FOLDER
from ops.core import exit_codes
from ops.core.process import Completed
from ops.core.ssh import KEY_REFUSED, OTHER_HOST_KEY, connection_problem

_TO_CONNECT = {
    OTHER_HOST_KEY: "; if it was set up anew, give its key as `backup.host_key` and run `up`, "
    f"or remove {BACKUP_FOLDER}/known_hosts",
    KEY_REFUSED: "; its `authorized_keys` needs the `backup_public_key` that `make outputs` shows",
}
_NO_RCLONE = "error talking HTTP to rclone"


class BackupError(Exception):
    """Backups cannot be made or read; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


class BackupUnreachableError(BackupError):
    """The server that backups go to cannot be reached."""

    exit_code = exit_codes.UNREACHABLE


class BackupFullError(BackupError):
    """There is no room, at the backups' place or here."""

    exit_code = exit_codes.NO_SPACE


class BackupBusyError(BackupError):
    """Another run of restic has locked the repository."""

    exit_code = exit_codes.BUSY


class TornIndexError(BackupError):
    """A file with which data is found again was written half. rclone leaves such a one where there is no room."""


class TornSnapshotError(BackupError):
    """A snapshot was written half, so that it is none. rclone leaves such a one, too, and no check or prune ends well with it."""


class NoRepositoryError(BackupError):
    """There is no repository yet."""


class OtherPasswordError(BackupError):
    """The repository is not opened by this password."""


# From 0.17 on restic tells a missing repository, a locked one and a wrong password apart.
LOCKED = 11
_KINDS: Mapping[int, tuple[type[BackupError], str]] = {
    3: (BackupError, "restic could not read everything: {said}"),
    10: (NoRepositoryError, "there are no backups in {repository} yet; `regops backup` makes one"),
    LOCKED: (
        BackupBusyError,
        "{repository} is locked by another run of restic; wait for it, or `restic unlock` if there is none",
    ),
    12: (OtherPasswordError, "{repository} has another password; is it the repository of another stack?"),
}


def error_of(done: Completed, repository: str, shown: str, why_lost: Callable[[], str]) -> BackupError:
    """Return the error for a run of restic that has failed.

    Args:
        done: The run.
        repository: The repository, as restic names it.
        shown: Where it is, for people.
        why_lost: Asked why there is no connection, if restic itself does not say.
    """
    said = done.stderr.strip() or done.stdout.strip()
    if done.returncode in _KINDS:
        kind, problem = _KINDS[done.returncode]
        return kind(problem.format(repository=shown, said=said))
    if torn := _torn(said, shown):
        return torn
    if place := said_full(said, repository):
        what = shown if place == repository else f"the disk of {place}"
        return BackupFullError(f"{what} is full; make room there, and run it again: it goes on where it was")
    if why := connection_problem(said) or (why_lost() if said_lost(said) else ""):
        return BackupUnreachableError(f"{shown} cannot be reached: {why}{_TO_CONNECT.get(why, '')}")
    if _NO_RCLONE in said:
        return BackupError(f"{shown} does not answer as rclone does, which `backup.append_only` needs there: {said}")
    return BackupError(f"restic failed: {said}")


def _torn(said: str, shown: str) -> BackupError | None:
    if said_torn(said):
        return TornIndexError(
            f"an index in {shown} was written half, as when the server was full; make room there, then run `make prune`"
        )
    if name := said_torn_snapshot(said):
        return TornSnapshotError(
            f"the file snapshots/{name}… in {shown} was written half, as when there was no room; it is no backup and never was"
        )
    return None
