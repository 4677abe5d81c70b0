"""One prune from beginning to end: look, note, and once the grace time is over, remove."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.backups.repository import GOOD, repository_of
from ops.config import BACKUP_FOLDER, KeepBackups
from ops.core.files import write_atomic
from ops.stack.stack import Stack
from ops.tasks.prune.model import Pruned, PruneRefusedError, Refusal
from ops.tasks.prune.plan import planned

_NOTES = "prune.json"
# For how long backups that can go may wait for somebody who has the key.
_WAIT = timedelta(days=35)

Step = Callable[[str], None]


@dataclass(frozen=True)
class Notes:
    """What one prune notes for the next. Without it, the grace time begins anew.

    Attributes:
        noted: Since when a backup has been known to be one that can go, by id.
        unfinished: Whether backups were removed, and their data perhaps not.
    """

    noted: Mapping[str, datetime] = field(default_factory=dict)
    unfinished: bool = False

    @classmethod
    def read(cls, file: Path) -> Notes:
        """Return what a file says; nothing if it is missing or damaged."""
        try:
            known = json.loads(file.read_text())
            return cls({one: datetime.fromisoformat(at) for one, at in known["noted"].items()}, bool(known["unfinished"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, file: Path) -> None:
        """Write the file."""
        noted = {one: at.isoformat(timespec="seconds") for one, at in self.noted.items()}
        write_atomic(file, json.dumps({"noted": noted, "unfinished": self.unfinished}, indent=1) + "\n", mode=0o600)


def prune(
    stack: Stack,
    step: Step,
    *,
    key: Path | None = None,
    allowed: Collection[Refusal] = (),
    dry_run: bool = False,
    now: datetime | None = None,
) -> Pruned:
    """Remove the backups that have been kept for long enough.

    Args:
        stack: Whose.
        step: Called with the name of each step, for progress, and for tests that kill it there.
        key: A key that may remove backups. Where the host's own may not, nothing is removed without it, only noted.
        allowed: Safety checks that are overridden.
        dry_run: Whether only to say what would be removed.
        now: The time; by default the clock's.

    Raises:
        PruneRefusedError: Something looks odd.
        BackupError: The backups cannot be reached, or not be removed.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    settings, file = stack.config.backup, stack.root / BACKUP_FOLDER / _NOTES
    backups = repository_of(stack, key=key)
    found = backups.all()
    before = Notes.read(file)
    outlived = backups.restic.outlived(GOOD, rules(settings.keep)) if found else frozenset[str]()
    plan = planned(found, outlived, before.noted, settings.keep, now, allowed=allowed)
    step("looked")
    if dry_run:
        return Pruned(plan)
    if plan.refused:
        raise PruneRefusedError(plan.refused)
    Notes(plan.noted, before.unfinished).write(file)
    if settings.is_append_only and key is None:
        overdue = any(plan.noted[one.id] + timedelta(days=settings.keep.grace_days) + _WAIT < now for one in plan.remove)
        return Pruned(plan, waiting=len(plan.remove), overdue=overdue)
    # Who hands over a key may do so to have something mended.
    if plan.remove or before.unfinished or key is not None or backups.restic.unreadable():
        Notes(plan.noted, unfinished=True).write(file)
        step("noted")
        if plan.remove:
            backups.restic.forget([one.id for one in plan.remove])
        step("forgotten")
        backups.restic.prune()
        step("pruned")
        Notes({one: plan.noted[one] for one in plan.later}).write(file)
    return Pruned(plan, removed=len(plan.remove))


def rules(keep: KeepBackups) -> Mapping[str, int]:
    """Return for how many days restic keeps backups, by the name of its rule without `keep-`."""
    return {
        "within": keep.all_days,
        "within-daily": keep.daily_days,
        "within-weekly": keep.weekly_days,
        "within-monthly": keep.monthly_days,
    }
