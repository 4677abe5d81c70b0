"""How the entries of a run fare, so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.tasks.sync.model import GOES_ON, EntryPlan, EntryResult, EntryState, Failure, Job, MirrorEntry
from ops.tasks.sync.state import QUARANTINED_AFTER


@dataclass
class Progress:
    """How an entry fares, so far."""

    entry: MirrorEntry
    plans: list[EntryPlan] = field(default_factory=list)
    copied: list[Job] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    waits: str = ""
    skipped: str = ""
    size: int = 0
    seconds: float = 0.0

    def fail(self, tag: str, failure: Failure) -> None:
        """Note that a tag was not mirrored, or with an empty name that nothing was."""
        if failure.waits:
            self.waits = f"{failure}{GOES_ON}"
        else:
            self.failures[tag] = failure

    def begin_again(self) -> None:
        """Forget why it was not mirrored: it is tried again."""
        self.failures.clear()
        self.plans.clear()
        self.waits = self.skipped = ""

    @property
    def may_pass(self) -> bool:
        """Whether it failed, and trying again may help."""
        return any(failure.passes for failure in self.failures.values())

    def result(self, tries: int) -> EntryResult:
        """Return how it fared, after so many runs in a row that had failed before."""
        if self.failures:
            state = EntryState.FAILED
        elif self.waits:
            state = EntryState.WAITING
        elif self.skipped:
            state = EntryState.SKIPPED
        else:
            state = EntryState.CHANGED if self.copied or self.deleted else EntryState.UNCHANGED
        failed = tries + 1 if self.failures else 0
        tags = tuple(job.told for job in self.copied)
        waits = self.waits or self.skipped
        quarantined = failed >= QUARANTINED_AFTER
        return EntryResult(
            self.entry,
            state,
            tags,
            tuple(self.deleted),
            dict(self.failures),
            waits,
            self.size,
            self.seconds,
            failed,
            quarantined,
        )
