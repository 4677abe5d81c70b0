"""Checks that backups are whole: their structure each time, and all of their data once in two weeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ops.backups.repository import repository_of
from ops.backups.restic import BackupError, BackupUnreachableError
from ops.backups.standing import Verified as Noted
from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.core.clock import Clock
from ops.stack.stack import Stack

# In how many parts all data is read back, one a day.
_PARTS = 14


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        backups: How many backups there are.
        part: Which part of the data was read back.
        problem: What is wrong; empty if nothing is.
    """

    backups: int
    part: str
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.MISMATCH if self.problem else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.problem:
            return f"the backups are damaged: {self.problem}"
        return f"{self.backups} backups are whole; read back {self.part} of the data"


def verify(stack: Stack, today: date, *, everything: bool, tell: Callable[[str], None]) -> Verified:
    """Check the backups.

    Args:
        stack: Whose.
        today: Which part is read back depends on it.
        everything: Whether all of it is read back.
        tell: Called with what is done next.

    Raises:
        BackupError: There is no backup, or the target cannot be reached.
    """
    backups = repository_of(stack)
    found = backups.all()
    latest = backups.find(among=found)
    count = len(found)
    part = "100%" if everything else f"{today.toordinal() % _PARTS + 1}/{_PARTS}"
    clock = Clock()
    tell(f"checking the structure of {count} backups, and reading back {part} of the data …")
    try:
        with clock.phase("check"):
            backups.restic.check(part)
    except BackupUnreachableError:
        raise
    except BackupError as error:
        standing_of(stack).note_damaged()
        return Verified(count, part, str(error))
    noted = Noted(latest.name, latest.made_at.timestamp(), clock.began, count, part, clock.seconds["check"])
    standing_of(stack).note_verified(noted)
    return Verified(count, part)
