"""What a restore is asked for, what it would do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass

from ops.core import exit_codes
from ops.core.findings import and_more
from ops.registry.snapshots.removed import Removed
from ops.registry.tree import DIGEST


class RestoreError(Exception):
    """This cannot be restored; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class RestoreScope:
    """What to restore.

    Attributes:
        repository: Only this repository; empty for all.
        tag: Only this tag of it; empty for all.
        digest: Only this manifest of it; empty for all.
        only_removed: Only what the garbage collector or retention deleted.
        overwrite: Whether to set back tags that point to something else now.
        expect: What the tag must point to now, `nothing` if it must not be there; empty if it may be anything.
    """

    repository: str = ""
    tag: str = ""
    digest: str = ""
    only_removed: bool = False
    overwrite: bool = False
    expect: str = ""

    @classmethod
    def of(cls, name: str, *, everything: bool = False, overwrite: bool = False, expect: str = "") -> RestoreScope:
        """Return the scope that an operator names: REPOSITORY, REPOSITORY:TAG, REPOSITORY@DIGEST, or nothing.

        Without a name, it is what the garbage collector or retention deleted, or everything.

        Raises:
            RestoreError: A part of the name is missing, or something is expected of what is no tag.
        """
        repository, at, digest = name.partition("@")
        repository, colon, tag = repository.partition(":")
        if (name and not repository) or (colon and not tag) or (at and (tag or not DIGEST.fullmatch(digest))):
            raise RestoreError(f"{name!r} is not REPOSITORY, REPOSITORY:TAG or REPOSITORY@sha256:…")
        if expect and not tag:
            raise RestoreError("--expect says what a tag points to now: name one, as REPOSITORY:TAG")
        return cls(repository, tag, digest, only_removed=not (name or everything), overwrite=overwrite, expect=expect)

    def __str__(self) -> str:
        """Name it as an operator does."""
        if self.digest:
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


@dataclass(frozen=True)
class Overwrite:
    """A tag that points to something else than it did in the snapshot.

    Attributes:
        repository: Its repository.
        tag: The tag.
        now: The digest that it points to.
        then: The digest that it pointed to.
    """

    repository: str
    tag: str
    now: str
    then: str


@dataclass(frozen=True)
class RestorePlan:
    """What would be restored.

    Attributes:
        snapshot: Name of the snapshot.
        scope: What was asked for.
        files: Everything that was asked for, missing or not, in an order in which it can be written.
        missing: How many of them the live tree lacks.
        size: Bytes of the missing blobs.
        tags: The missing tags, as `repository:tag`.
        overwritten: Tags that would be set back.
        differing: Tags that point to something else now and would stay so.
        incomplete: Images that cannot be restored, since a blob of theirs is nowhere any more.
    """

    snapshot: str
    scope: RestoreScope
    files: tuple[Removed, ...]
    missing: int
    size: int
    tags: tuple[str, ...]
    overwritten: tuple[Overwrite, ...]
    differing: tuple[Overwrite, ...]
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True)
class RestoreReport:
    """What was restored.

    Attributes:
        plan: What was planned.
        restored: How many files were restored.
        before: The snapshot that reverts this restore; empty when no tag was set back.
        problems: What is wrong with the tag that was asked for.
    """

    plan: RestorePlan
    restored: int
    before: str
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        if self.problems:
            return exit_codes.MISMATCH
        return exit_codes.WARNINGS if self.plan.incomplete else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.problems:
            return self.problems[0]
        if incomplete := self.plan.incomplete:
            return f"restored {self.restored} files; {incomplete[0]} needs a blob that is nowhere any more{and_more(incomplete)}"
        return f"restored {self.restored} files from {self.plan.snapshot}"
