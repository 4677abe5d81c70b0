"""What else travels in a backup: for each file and folder of a stack whether it is kept, or why not."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ops.config.backup import DRILL_KEY
from ops.config.gateway import ALERTS_FOLDER, FAILING_LOGINS_FILE, HEARTBEAT_FILE
from ops.config.requests import REQUESTS_FOLDER
from ops.core.files import copy_mode_and_owner
from ops.core.layout import CATALOGUE_FILE, MIRROR_FOLDER, SECRET_VERSIONS

STATE = "state"
_SQLITE = b"SQLite format 3\0"
# Its parts that only make sense beside the database as it is in use.
_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Row:
    """A file or folder below the stack's folder.

    Attributes:
        path: Its path.
        skipped: Why it is not in a backup; empty if it is.
        quiet: Whether it changes so often that a change of it alone is no reason for a new backup.
    """

    path: str
    skipped: str = ""
    quiet: bool = False


# The longest path that fits a file decides.
ROWS: Sequence[Row] = (
    Row("secrets"),
    Row(f"secrets/{SECRET_VERSIONS}", "the same ones, as containers have read them"),
    Row("secrets/live", "the program makes it"),
    Row("current/regops"),
    Row("data/edge"),  # certificates, and the account at their authority
    Row("data/gateway"),
    Row(f"data/gateway/{FAILING_LOGINS_FILE}", "who is refused at the moment"),
    Row(f"data/gateway/{ALERTS_FOLDER}", "alerts of the moment; Alertmanager sends them again"),
    Row(f"data/gateway/{HEARTBEAT_FILE}", "when alerts last arrived on this host"),
    Row("data/grafana"),
    Row(MIRROR_FOLDER, quiet=True),
    Row(f"{MIRROR_FOLDER}/{CATALOGUE_FILE}"),  # with what nobody has taken over into the repository yet
    Row(f"{MIRROR_FOLDER}/runs", "of runs of regsync"),
    Row("data/regops"),
    Row("data/regops/alerts.json", quiet=True),
    Row("data/regops/backups", quiet=True),
    Row("data/regops/history.jsonl", quiet=True),
    Row("data/regops/read-only.jsonl", quiet=True),
    Row("data/regops/outbox", quiet=True),
    Row("data/regops/output", "what runs printed; the history has how they ended"),
    Row("data/regops/recovery.json", "of this host alone"),
    Row("data/regops/tasks", quiet=True),
    Row("data/regops/locks", "of processes that run now"),
    Row(REQUESTS_FOLDER, "what was asked for and has not begun"),
    Row("data/registry", "its index and its blobs are"),
    Row("data/snapshots", "undoes on the same disk what a backup has anyway"),
    Row("data/backup", "works on backups"),
    Row(DRILL_KEY, quiet=True),  # made by the first drill, of a backup that lacks it
    Row("data/metrics", "each task writes its figures anew"),
    Row("data/prometheus", "samples of some weeks, larger than all else; the ledger and the history have what happened"),
    Row("data/alertmanager", "silences of the moment"),
    Row("data/crowdsec", "bans of some hours; they are learned again"),
    Row("data/portainer", "what somebody changes in it, `up` undoes"),
    Row("current", "the program makes it"),
    Row("releases", "the program makes them"),
    Row("parts", "the program makes them"),
    Row("live", "the program makes it"),
    Row("installed", "the program makes it"),
    Row("gate", "read-only mode of the moment"),
    Row("logs", "the ledger has who pushed what"),
)


def row_of(path: str) -> Row | None:
    """Return the row that a path below the stack's folder belongs to; None if nobody has thought of it."""
    found = [row for row in ROWS if PurePosixPath(path).is_relative_to(row.path)]
    return max(found, key=lambda row: len(row.path), default=None)


def take_state(root: Path, target: Path) -> tuple[str, list[str]]:
    """Copy what is kept. A database of SQLite is copied as a whole while it is in use, by SQLite itself.

    Args:
        root: The stack's folder.
        target: Where the copies go.

    Returns:
        A digest of all that is worth a new backup, and what could not be copied, with the reason.
    """
    digest, problems = hashlib.sha256(), list[str]()
    for row in ROWS:
        if row.skipped:
            continue
        for path in sorted(_files(root, root / row.path)):
            if row_of(path) is not row:
                continue
            try:
                _copy(root / path, target / path)
            except FileNotFoundError:  # gone since
                continue
            except (OSError, sqlite3.Error) as error:
                problems.append(f"{path} cannot be copied ({error})")
                continue
            if not row.quiet:
                digest.update(f"{path}\0".encode() + content_digest(target / path))
    return digest.hexdigest(), problems


def remove_beside(database: Path) -> None:
    """Remove what SQLite keeps beside a database that is about to be replaced."""
    for end in _BESIDE:
        database.with_name(f"{database.name}{end}").unlink(missing_ok=True)


def _files(root: Path, path: Path) -> Iterator[str]:
    if path.is_file() and not path.name.endswith(_BESIDE):
        yield path.relative_to(root).as_posix()
    elif path.is_dir():
        for one in path.iterdir():
            if one.is_dir() or not one.is_symlink():
                yield from _files(root, one)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if is_database(source):
        target.touch(mode=0o600)
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
        # The copy keeps its own time. What is in the log alone changes neither time nor size of the database, so that restic
        # would take a copy with the same ones for what it has already.
    else:
        shutil.copyfile(source, target)
        shutil.copystat(source, target)
    copy_mode_and_owner(target, source.stat())


def is_database(path: Path) -> bool:
    """Whether a file is a database of SQLite.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def content_digest(path: Path) -> bytes:
    """Return a digest of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
