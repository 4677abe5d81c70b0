"""What a prune is told, what it would do, and what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ops.backups.errors import BackupError
from ops.backups.told import Backup
from ops.core import exit_codes


class Refusal(StrEnum):
    """Safety checks that `--allow` overrides."""

    AGE = "age"
    CLOCK = "clock"
    SHARE = "share"


class PruneRefusedError(BackupError):
    """Backups look in a way in which none should be removed; the message has a line for each reason, with its remedy."""

    def __init__(self, reasons: Mapping[Refusal, str]) -> None:
        super().__init__("\n".join(f"{kind}: {reason}" for kind, reason in reasons.items()))
        self.reasons = reasons


@dataclass(frozen=True)
class PrunePlan:
    """What would be removed.

    Attributes:
        remove: What has been kept for long enough, and has had its grace time.
        later: When the others may go that need not be kept, by id.
        noted: Since when each of both has been known, by id.
        kept: How many backups stay.
        suspicious: How many of these are suspicious, and stay whatever their age.
        refused: Safety checks that speak against it.
    """

    remove: Sequence[Backup]
    later: Mapping[str, datetime]
    noted: Mapping[str, datetime]
    kept: int
    suspicious: int
    refused: Mapping[Refusal, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """A prune.

    Attributes:
        plan: What was to be removed.
        removed: How many backups were.
        waiting: How many could be, but not with the host's own key.
        overdue: Whether some of these have waited for longer than a month.
    """

    plan: PrunePlan
    removed: int = 0
    waiting: int = 0
    overdue: bool = False

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.WARNINGS if self.overdue else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        kept = f"{self.plan.kept + self.waiting} stay"
        if self.plan.suspicious:
            kept += f", {self.plan.suspicious} of them because they are suspicious"
        if self.waiting:
            return f"{self.waiting} backups can go, which needs a key that is not on this host: run `make prune`; {kept}"
        later = f"; {len(self.plan.later)} of them can go later" if self.plan.later else ""
        return f"removed {self.removed} backups; {kept}{later}"
