"""What goes into garbage collection and what comes out: rules, safety limits, options, the plan, the report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from ops.core import exit_codes


class Refusal(StrEnum):
    """Safety checks that `--allow` overrides."""

    SHARE = "share"
    BACKUP = "backup"
    BUDGET = "budget"


class RefusedError(Exception):
    """The collection refuses to start; the message has a line for each reason, with its remedy.

    Attributes:
        figures: What is measured of a run that ends like this.
    """

    exit_code = exit_codes.FAILED

    def __init__(self, reasons: Mapping[Refusal, str]) -> None:
        super().__init__("\n".join(f"{kind}: {reason}" for kind, reason in reasons.items()))
        self.reasons = reasons
        self.figures = {"refused": len(reasons)}


@dataclass(frozen=True)
class Keep:
    """Untagged manifests that stay.

    Attributes:
        repositories: Shell pattern of repository names; `*` matches `/` too.
        tags: Only manifests that a tag of this pattern once pointed to; None for all untagged ones.
    """

    repositories: str
    tags: str | None = None

    def covers(self, repository: str, former_tags: frozenset[str]) -> bool:
        """Whether a manifest stays, judged by its repository and its former tags."""
        if not fnmatchcase(repository, self.repositories):
            return False
        return self.tags is None or any(fnmatchcase(tag, self.tags) for tag in former_tags)


@dataclass(frozen=True)
class Rules:
    """What is deleted.

    Attributes:
        delete_untagged: Whether to delete manifests that no tag and no index references.
        keep: Which of them to keep.
        pulled: Untagged manifests that stay since they were pulled by digest lately, as repository and digest.
        min_age_s: Links younger than this, when they are listed, stay: they may be of a push whose manifest is still to come.
        orphaned_signatures: Whether to delete tags of a manifest (`sha256-<hex>`, also with a suffix) that no longer exists.
    """

    delete_untagged: bool = True
    keep: tuple[Keep, ...] = ()
    pulled: Collection[tuple[str, str]] = frozenset()
    min_age_s: float = 3600.0
    orphaned_signatures: bool = True


@dataclass(frozen=True)
class SafetyLimits:
    """When a collection refuses to start.

    Attributes:
        max_share: Share of all blobs that may be deleted.
        max_backup_age_s: How old the last verified backup may be; None when none is needed.
        allowed: Checks that are overridden.
    """

    max_share: float = 0.5
    max_backup_age_s: float | None = 2 * 86_400.0
    allowed: frozenset[Refusal] = frozenset()


@dataclass(frozen=True)
class GcOptions:
    """What the operator asks of one collection, beside the settings.

    Attributes:
        keep_untagged: Keep untagged manifests, whatever the settings say.
        keep_snapshot: Whether what is deleted can be restored; if not, its space is free at once.
        allowed: Safety checks that are overridden.
    """

    keep_untagged: bool = False
    keep_snapshot: bool = True
    allowed: frozenset[Refusal] = frozenset()


@dataclass(frozen=True)
class RepositoryShare:
    """What is deleted from one repository.

    Attributes:
        name: The repository.
        manifests: Revisions.
        layers: Links to blobs.
        tags: Orphaned tags, and what is left of tags without an image.
        size: Bytes of the deleted blobs that it had a link to; a blob of two repositories counts in both.
    """

    name: str
    manifests: int
    layers: int
    tags: int
    size: int


@dataclass(frozen=True)
class Plan:
    """What would be deleted now.

    Attributes:
        blobs: How many blobs, manifests included.
        all_blobs: How many there are.
        size: Their bytes. They are free when the snapshot is deleted.
        manifests: Revisions in repositories.
        tags: Orphaned tags, as `repository:tag`.
        leftovers: What is left of tags without an image, as `repository:tag`.
        repositories: By repository, the largest first.
        files: How many files would be removed: these blobs, and what points to them.
        kept_by_rule: Files that nothing references and a rule keeps.
        unclear: What could not be read, by repository, with the reason; everything in that repository stays.
        refusals: Why it would refuse to start.
        seconds: How long each phase took.
    """

    blobs: int
    all_blobs: int
    size: int
    manifests: int
    tags: tuple[str, ...]
    leftovers: tuple[str, ...]
    repositories: tuple[RepositoryShare, ...]
    files: int
    kept_by_rule: int
    unclear: tuple[str, ...] = ()
    refusals: Mapping[Refusal, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GcReport:
    """What was deleted.

    Attributes:
        plan: What was planned.
        snapshot: From which it can be restored; empty when there is none.
        removed_blobs: How many blobs were deleted.
        size: Their bytes.
        kept_again: Files that were kept because they were pushed again in the meantime.
        left: Files that are left for the next collection, since there was always a write in flight.
        held_s: For how many seconds writes were held at most.
        all_held_s: For how many they were held in all.
        slices: How often they were.
        seconds: How long each phase took.
        verified: Images that were read in full afterwards, as `repository:tag`.
        problems: What is wrong with them.
    """

    plan: Plan
    snapshot: str
    removed_blobs: int
    size: int
    kept_again: int
    left: int
    held_s: float
    all_held_s: float
    slices: int
    seconds: Mapping[str, float]
    verified: tuple[str, ...]
    problems: tuple[str, ...]
