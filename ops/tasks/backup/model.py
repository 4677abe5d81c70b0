"""What a backup did, and what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from humanize import naturalsize

from ops.core import exit_codes
from ops.core.findings import and_more


@dataclass(frozen=True)
class Losses:
    """What the last good backup has, and the registry no longer.

    Attributes:
        tags: How many tags.
        blobs: How many blobs.
        tags_share: Which share of all tags that is.
        blobs_share: Which share of all blobs.
    """

    tags: int = 0
    blobs: int = 0
    tags_share: float = 0.0
    blobs_share: float = 0.0

    @property
    def share(self) -> float:
        """The larger share."""
        return max(self.tags_share, self.blobs_share)


@dataclass(frozen=True)
class BackupReport:
    """A backup.

    Attributes:
        name: Its name; empty in a dry run.
        is_new: Whether it is new; if not, nothing had changed since the last one.
        tags: How many tags it has.
        blobs: How many blobs.
        size: How many bytes it has, in files.
        added: How many bytes were sent.
        damaged: Tags that cannot be pulled completely, each with the reason.
        unclear: What could not be read, with the reason.
        losses: What is gone since the last good backup.
        suspicious: Whether that is more than the settings allow.
        seconds: How long each step took.
    """

    name: str
    is_new: bool
    tags: int
    blobs: int
    size: int
    added: int
    damaged: Mapping[str, str]
    unclear: Sequence[str]
    losses: Losses
    suspicious: bool
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.WARNINGS if self.suspicious or self.damaged or self.unclear else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        done = f"{self.name}: {self.tags} tags, {self.blobs} blobs; sent {naturalsize(self.added, binary=True)}"
        if not self.is_new:
            done = f"nothing has changed since {self.name}: {self.tags} tags, {self.blobs} blobs"
        if self.suspicious:
            return (
                f"{done}; SUSPICIOUS: {self.losses.tags} tags and {self.losses.blobs} blobs of the last good backup are gone;"
                " that one is kept, and `regops restore` uses it"
            )
        if self.damaged:
            tag, why = next(iter(self.damaged.items()))
            return f"{done}; damaged: {tag}: {why}{and_more(self.damaged)}"
        return f"{done}; cannot be read: {self.unclear[0]}" if self.unclear else done
