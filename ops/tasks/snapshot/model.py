"""What a restore is asked for, what it would do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass

from ops.core import exit_codes


class RestoreError(Exception):
    """This cannot be restored; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class RestoreScope:
    """What to restore.

    Attributes:
        repository: Only this repository; empty for all.
        tag: Only this tag of it; empty for all.
        only_removed: Only what the garbage collector deleted.
        overwrite: Whether to set back tags that point to something else now.
    """

    repository: str = ""
    tag: str = ""
    only_removed: bool = False
    overwrite: bool = False


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
        files: Everything that was asked for, missing or not: paths, in an order in which they can be written.
        missing: How many of them the live tree lacks.
        size: Bytes of the missing blobs.
        tags: The missing tags, as `repository:tag`.
        overwritten: Tags that would be set back.
        differing: Tags that point to something else now and would stay so.
    """

    snapshot: str
    scope: RestoreScope
    files: tuple[str, ...]
    missing: int
    size: int
    tags: tuple[str, ...]
    overwritten: tuple[Overwrite, ...]
    differing: tuple[Overwrite, ...]


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
