"""The configuration and the state of a backup: whether they open, and how they compare with what is here now."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from ops.backups.state import ROWS, content_digest, is_database, row_of
from ops.config import BACKUP_PASSWORD, REGOPS_FILE, ConfigError, RegopsConfig, load
from ops.core.layout import CURRENT

# Without these, the rest is of no use.
_NEEDED = (f"{CURRENT}/{REGOPS_FILE}", f"secrets/{BACKUP_PASSWORD}")


@dataclass
class Opened:
    """What was found in it.

    Attributes:
        files: How many files it has.
        databases: How many of them are databases that are whole.
        changed: How many are different here by now, or gone.
        problems: What does not open, or lacks.
    """

    files: int = 0
    databases: int = 0
    changed: int = 0
    problems: list[str] = field(default_factory=list)


def opened(state: Path, root: Path) -> Opened:
    """Open everything.

    Args:
        state: The restored state.
        root: The stack's folder, to compare with.
    """
    found = Opened()
    for needed in _NEEDED:
        if not (state / needed).is_file():
            found.problems.append(f"state/{needed} is missing")
    for file in sorted(path for path in state.rglob("*") if path.is_file()):
        name = file.relative_to(state).as_posix()
        found.files += 1
        if why := _wrong(file, name, found):
            found.problems.append(f"state/{name} {why}")
        row = row_of(name)
        if row is None or row.skipped:
            found.problems.append(f"state/{name} should not be in a backup")
        elif not row.quiet and not is_database(file) and _content(root / name) != _content(file):
            found.changed += 1
    for row in ROWS:
        if not row.skipped and not row.quiet and _has_files(root / row.path) and not (state / row.path).exists():
            found.problems.append(f"state/{row.path} is missing, and is here")
    return found


def _wrong(file: Path, name: str, found: Opened) -> str:
    """Return why a file does not open; empty if it does."""
    if is_database(file):
        found.databases += 1
        with contextlib.closing(sqlite3.connect(file)) as database:
            try:
                said = database.execute("PRAGMA integrity_check").fetchone()[0]
            except sqlite3.Error as error:
                said = str(error)
        return "" if said == "ok" else f"is a damaged database: {said}"
    if name == f"{CURRENT}/{REGOPS_FILE}":
        try:
            load(file, RegopsConfig)
        except ConfigError as error:
            return f"cannot be read by this version: {error.problems[0]}"
    elif file.suffix == ".json":
        try:
            json.loads(file.read_bytes())
        except ValueError as error:
            return f"is no JSON: {error}"
    return ""


def _content(file: Path) -> bytes:
    try:
        return content_digest(file)
    except OSError:
        return b""


def _has_files(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(one.is_file() for one in path.rglob("*")))
