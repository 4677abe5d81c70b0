"""Checks that backups are whole: their structure each time, and all of their data once in two weeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ops.backups.errors import BackupError, BackupUnreachableError
from ops.backups.repository import BackupRepository, repository_of
from ops.backups.standing import Verified as Noted
from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.core.clock import Clock
from ops.stack.stack import Stack

# In how many parts all data is compared, one a day.
_PARTS = 14


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        backups: How many backups there are.
        part: Which part of the data was compared with its checksums.
        by_server: Whether the server of the backups computed these; if not, the data was read back.
        problem: What is wrong; empty if nothing is.
    """

    backups: int
    part: str
    by_server: bool = False
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
        how = "checked on their server" if self.by_server else "read back"
        return f"{self.backups} backups are whole; {how}: {self.part} of the data"


def verify(stack: Stack, today: date, *, everything: bool, tell: Callable[[str], None]) -> Verified:
    """Check the backups.

    Args:
        stack: Whose.
        today: Which part of the data is compared depends on it.
        everything: Whether all of it is, and read back.
        tell: Called with what is done next.

    Raises:
        BackupError: There is no backup, or the target cannot be reached.
    """
    backups = repository_of(stack)
    found = backups.all()
    latest = backups.find(among=found)
    count = len(found)
    number = today.toordinal() % _PARTS + 1
    part = "100%" if everything else f"{number}/{_PARTS}"
    clock, by_server = Clock(), False
    try:
        with clock.phase("check"):
            by_server = not everything and _proven_there(backups, number, tell)
            reading = "" if by_server else f", and reading back {part} of the data"
            tell(f"checking the structure of {count} backups{reading} …")
            backups.restic.check("" if by_server else part)
    except BackupUnreachableError:
        raise
    except BackupError as error:
        standing_of(stack).note_damaged()
        return Verified(count, part, by_server, str(error))
    noted = Noted(latest.name, latest.made_at.timestamp(), clock.began, count, part, clock.seconds["check"], by_server)
    standing_of(stack).note_verified(noted)
    return Verified(count, part, by_server)


def _proven_there(backups: BackupRepository, number: int, tell: Callable[[str], None]) -> bool:
    """Return whether the server has compared a part of the data. If it finds anything else than expected, restic is to judge."""
    if backups.shell is None:
        return False
    # The same parts as those of restic, so that whoever judges, all of it has its turn.
    packs = [one for one in backups.restic.packs() if int(one[:2], 16) % _PARTS == number - 1]
    tell(f"asking the server for the checksums of {len(packs)} files …")
    return bool(packs) and backups.shell.proves(packs)
