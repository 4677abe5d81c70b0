"""What garbage collection is told, and what it tells: rules, limits, the plan, the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from ops.core import exit_codes


class Refusal(StrEnum):
    """Why a collection does not begin unless it is told to all the same."""

    SPARSE = "sparse"
    SHARE = "share"
    BACKUP = "backup"


class RefusedError(Exception):
    """The collection does not begin; the message has a line for each reason, with the remedy."""

    exit_code = exit_codes.FAILED

    def __init__(self, reasons: Mapping[Refusal, str]) -> None:
        super().__init__("\n".join(f"{kind}: {reason}" for kind, reason in reasons.items()))
        self.reasons = reasons


@dataclass(frozen=True)
class Keep:
    """Untagged manifests that stay.

    Attributes:
        repositories: Pattern of names, as in a shell; `*` matches `/` too.
        tags: Those that a tag of this pattern once named; None for all untagged ones.
    """

    repositories: str
    tags: str | None = None

    def covers(self, repository: str, former_tags: frozenset[str]) -> bool:
        """Whether a manifest stays, by its repository and the tags that once named it."""
        if not fnmatchcase(repository, self.repositories):
            return False
        return self.tags is None or any(fnmatchcase(tag, self.tags) for tag in former_tags)


@dataclass(frozen=True)
class Rules:
    """What goes.

    Attributes:
        delete_untagged: Whether manifests go that no tag and no index names.
        keep: Which of them stay all the same.
        min_age_s: What was linked within this time before the copy stays: it may be a push whose manifest is still to come.
        orphaned_signatures: Whether tags go which belong to a manifest (`sha256-<hex>` and with a suffix) that is gone.
    """

    delete_untagged: bool = True
    keep: tuple[Keep, ...] = ()
    min_age_s: float = 3600.0
    orphaned_signatures: bool = True


@dataclass(frozen=True)
class SafetyLimits:
    """When a collection does not begin.

    Attributes:
        max_share: Share of all blobs that may go.
        max_backup_age_s: How old the last verified backup may be; None when there need not be one.
        allowed: Refusals that are waived. What a tag reaches stays also where sparse indexes are allowed.
    """

    max_share: float = 0.5
    max_backup_age_s: float | None = 2 * 86_400.0
    allowed: frozenset[Refusal] = frozenset()


@dataclass(frozen=True)
class GcOptions:
    """What the operator asks of one collection, beside the settings.

    Attributes:
        keep_untagged: Keep untagged manifests, whatever the settings say.
        one_phase: Refuse writes from the copy on, the classic way.
        keep_snapshot: Whether what is deleted can be restored; if not, its space is free at once.
        allowed: Safety checks that are overridden.
    """

    keep_untagged: bool = False
    one_phase: bool = False
    keep_snapshot: bool = True
    allowed: frozenset[Refusal] = frozenset()


@dataclass(frozen=True)
class RepositoryShare:
    """What goes from one repository.

    Attributes:
        name: The repository.
        manifests: Revisions.
        layers: Links to blobs.
        tags: Orphaned tags.
        size: Bytes of the blobs that go and that it had a link to; one that two repositories had counts in both.
    """

    name: str
    manifests: int
    layers: int
    tags: int
    size: int


@dataclass(frozen=True)
class Plan:
    """What would go now.

    Attributes:
        blobs: How many of them, manifests included.
        all_blobs: How many there are.
        size: Their bytes. They come free when the snapshot goes.
        manifests: Revisions in repositories.
        tags: Orphaned tags, as `repository:tag`.
        repositories: By repository, the largest first.
        kept_by_rule: Files that the collector would remove and a rule keeps.
        refusals: Why it would not begin.
        seconds: What each phase took.
    """

    blobs: int
    all_blobs: int
    size: int
    manifests: int
    tags: tuple[str, ...]
    repositories: tuple[RepositoryShare, ...]
    kept_by_rule: int
    refusals: Mapping[Refusal, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GcReport:
    """What went.

    Attributes:
        plan: What was to go.
        snapshot: From which it can be put back; empty when there is none.
        removed_blobs: Blobs that went.
        size: Their bytes.
        kept_again: Files that were to go, and stayed since they were pushed again meanwhile.
        refused_s: Seconds for which writes were refused.
        seconds: What each phase took.
        verified: Images that were read whole afterwards, as `repository:tag`.
        problems: What is wrong with them.
    """

    plan: Plan
    snapshot: str
    removed_blobs: int
    size: int
    kept_again: int
    refused_s: float
    seconds: Mapping[str, float]
    verified: tuple[str, ...]
    problems: tuple[str, ...]
