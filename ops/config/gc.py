"""Settings of garbage collection and of snapshots: what is deleted, what is kept, and for how long it can be restored."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.config.base import Strict

# How old the last verified backup may be where there are backups, and the settings do not say.
VERIFIED_WITHIN_DAYS = 3.0


class KeepSettings(Strict):
    """Untagged manifests that stay.

    Attributes:
        repositories: Shell pattern of repository names; `*` matches `/` too.
        tags: Only manifests that a tag of this pattern once pointed to; all if not set.
    """

    repositories: Annotated[str, Field(min_length=1)]
    tags: Annotated[str, Field(min_length=1)] | None = None


class GcSettings(Strict):
    """Garbage collection.

    Attributes:
        delete_untagged: Whether to delete manifests that no tag and no index references.
        keep: Which of them to keep.
        min_age_hours: What is younger stays: it may belong to a push that is still under way.
        keep_pulled_days: An untagged manifest stays for this long after it was last pulled by digest, as far back as the edge's
            access log goes: somebody may have pinned it. 0 for not at all.
        orphaned_signatures: Whether to delete `sha256-…` tags whose manifest no longer exists.
        max_share: Share of all blobs that may be deleted without `--allow share`.
        max_backup_age_days: How old the last verified backup may be. By default it is three days where
            there are backups; null needs none.
    """

    delete_untagged: bool = True
    keep: tuple[KeepSettings, ...] = ()
    min_age_hours: Annotated[float, Field(ge=0, le=8760)] = 1.0
    keep_pulled_days: Annotated[float, Field(ge=0, le=14)] = 7.0
    orphaned_signatures: bool = True
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_backup_age_days: Annotated[float, Field(gt=0)] | None = None


class SnapshotSettings(Strict):
    """How many snapshots are kept. One is created each night, and one by each collection.

    Attributes:
        snapshots: How many.
        days: For how long: what was deleted takes space until the last snapshot that has it is deleted.
    """

    snapshots: Annotated[int, Field(ge=1, le=100)] = 10
    days: Annotated[float, Field(gt=0, le=3650)] = 8.0
