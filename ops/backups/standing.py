"""How a stack's backups stand: the last good one, the last verified one, the last drill. All who ask, ask here.

A backup is *good* unless it is suspicious: `latest` means the last good one. A run that found nothing new says the same of the
backup that there is. Warnings about the registry, such as a tag that was damaged before, make no backup bad.
A good backup is *verified* once `regops verify` has found all backups whole after it. One that finds damage takes that back.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ops.config import VERIFIED_WITHIN_DAYS
from ops.core.files import write_atomic
from ops.stack.stack import Stack

SCHEMA = 1
FOLDER = "backups"
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Good:
    """The last good backup. Times are in seconds since 1970.

    Attributes:
        name: Its name.
        current: When the registry was last seen to be as it is in the backup, which loses what has come since.
        tags: How many tags it has.
        blobs: How many blobs.
        size: How many bytes.
        added: How many of them were sent for it.
        seconds: How long that took.
        since: When there was a good backup for the first time.
    """

    name: str
    current: float
    tags: int = 0
    blobs: int = 0
    size: int = 0
    added: int = 0
    seconds: float = 0.0
    since: float = 0.0


@dataclass(frozen=True)
class Verified:
    """The last backup that was verified.

    Attributes:
        name: Its name.
        current: As of a good one.
        at: When it was verified.
        backups: How many backups were.
        part: Which part of all data was compared with its checksums.
        seconds: How long that took.
        by_server: Whether the server of the backups did that; if not, the data was read back.
    """

    name: str
    current: float
    at: float
    backups: int = 0
    part: str = ""
    seconds: float = 0.0
    by_server: bool = False


@dataclass(frozen=True)
class Drilled:
    """The last drill.

    Attributes:
        name: Of the backup that was tried.
        at: When.
        passed: Whether all came back as it should.
        summary: How it ended, in a line.
        last_passed: When one passed last; 0 if none has.
        figures: What it measured.
    """

    name: str
    at: float
    passed: bool
    summary: str = ""
    last_passed: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How the backups of one stack stand: a small file for each of the three.

    Attributes:
        folder: Where these are.
    """

    folder: Path

    @property
    def good(self) -> Good | None:
        """The last good backup; None if none is known."""
        known = self._read("good")
        return Good(**known) if known else None

    @property
    def verified(self) -> Verified | None:
        """The last verified backup; None if there is none."""
        known = self._read("verified")
        return Verified(**known) if known else None

    @property
    def drilled(self) -> Drilled | None:
        """The last drill; None if there was none."""
        known = self._read("drilled")
        return Drilled(**known) if known else None

    def verified_age_s(self, now: float) -> float | None:
        """Return how old the last verified backup is, in seconds; None if there is none."""
        verified = self.verified
        return max(0.0, now - verified.current) if verified else None

    def note_good(self, good: Good) -> None:
        """Note a good backup.

        Raises:
            OSError: It cannot be written.
        """
        before = self.good
        self._write("good", replace(good, since=before.since if before else good.current))

    def note_verified(self, verified: Verified) -> None:
        """Note that a backup was verified, and with it all of the same name.

        Raises:
            OSError: It cannot be written.
        """
        good = self.good
        current = good.current if good and good.name == verified.name else verified.current
        self._write("verified", replace(verified, current=current))

    def note_damaged(self) -> None:
        """Note that backups are damaged: none counts as verified until they were found whole again."""
        with contextlib.suppress(FileNotFoundError):
            self._file("verified").unlink()

    def note_drilled(self, drilled: Drilled) -> None:
        """Note a drill.

        Raises:
            OSError: It cannot be written.
        """
        before = self.drilled
        last = drilled.at if drilled.passed else (before.last_passed if before else 0.0)
        self._write("drilled", replace(drilled, last_passed=last))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        """Return what a file has; None if there is none, it is damaged, or a later version wrote it."""
        try:
            known = json.loads(self._file(name).read_text())
            return dict(known["value"]) if known["schema"] == SCHEMA else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _write(self, name: str, value: Good | Verified | Drilled) -> None:
        write_atomic(self._file(name), json.dumps({"schema": SCHEMA, "value": asdict(value)}) + "\n", mode=0o640)


def standing_of(stack: Stack) -> Standing:
    """Return how the backups of a stack stand."""
    return Standing(stack.data / FOLDER)


def verified_within_s(stack: Stack) -> float:
    """Return how old the last verified backup may be, in seconds."""
    return (stack.config.gc.max_backup_age_days or VERIFIED_WITHIN_DAYS) * _DAY_S
