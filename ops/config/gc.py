"""Rules of garbage collection and of undo: what goes, what stays, when it does not begin, for how long it can be undone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.config.base import Strict


class KeepSettings(Strict):
    """Untagged manifests that stay.

    Attributes:
        repositories: Pattern of names, as in a shell; `*` matches `/` too.
        tags: Those that a tag of this pattern once named; all when not set.
    """

    repositories: Annotated[str, Field(min_length=1)]
    tags: Annotated[str, Field(min_length=1)] | None = None


class GcSettings(Strict):
    """Garbage collection.

    Attributes:
        delete_untagged: Whether manifests go that no tag and no index names.
        keep: Which of them stay all the same.
        min_age_hours: What was written within this time stays: it may be a push that has not come to its end.
        orphaned_signatures: Whether `sha256-…` tags go whose manifest is gone.
        max_share: Share of all blobs that may go without being asked for.
        max_backup_age_days: How old the last backup may be; not set, none is asked for.
    """

    delete_untagged: bool = True
    keep: tuple[KeepSettings, ...] = ()
    min_age_hours: Annotated[float, Field(ge=0, le=8760)] = 1.0
    orphaned_signatures: bool = True
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_backup_age_days: Annotated[float, Field(gt=0)] | None = None


class SnapshotSettings(Strict):
    """What can be undone: snapshots are made each night, and by each collection.

    Attributes:
        snapshots: How many are kept.
        days: For how long: what was deleted takes room until the last snapshot that has it goes.
    """

    snapshots: Annotated[int, Field(ge=1, le=100)] = 10
    days: Annotated[float, Field(gt=0, le=3650)] = 8.0
