"""What retention would delete, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ops.config import RetentionOrder


@dataclass(frozen=True)
class OldTag:
    """A tag that goes.

    Attributes:
        repository: Its repository.
        tag: The tag.
        digest: What it points to.
        pushed: When it was pushed last.
        rule: The rule by which it goes.
        stamp: Of its link (`ops.registry.listing.stamp_of`): a tag that has another one was pushed again in the meantime.
    """

    repository: str
    tag: str
    digest: str
    pushed: datetime
    rule: str
    stamp: int

    def __str__(self) -> str:
        """Name it as an operator does."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class RuleShare:
    """What one rule does.

    Attributes:
        rule: The rule.
        order: How it orders tags.
        matching: How many tags match.
        kept: Those that stay, the newest first.
        old: How many go. A tag that another rule keeps is not among them.
    """

    rule: str
    order: RetentionOrder
    matching: int
    kept: tuple[str, ...]
    old: int


@dataclass(frozen=True)
class RetentionPlan:
    """What would be deleted now.

    Attributes:
        rules: What each rule does.
        old: The tags that go, by repository, the oldest first.
        unclear: Repositories that stay as they are since something in them cannot be read, with the reason.
    """

    rules: tuple[RuleShare, ...]
    old: tuple[OldTag, ...]
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class RetentionReport:
    """What was deleted.

    Attributes:
        plan: What was planned.
        snapshot: From which it can be restored; empty if nothing had to go.
        deleted: The tags that are gone.
        kept_again: Those that stay since they were pushed in the meantime.
        expired: Names of the old snapshots that were deleted.
    """

    plan: RetentionPlan
    snapshot: str = ""
    deleted: tuple[str, ...] = ()
    kept_again: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
