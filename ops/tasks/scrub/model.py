"""What a scrub does, and what it has found."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import date

from ops.core import exit_codes
from ops.core.findings import and_more

# In how many nights every blob is read once.
PARTS = 30


@dataclass(frozen=True)
class Share:
    """Which blobs are read: one of `PARTS`, chosen by their digests, so that a new blob changes nothing for the others.

    Attributes:
        part: Which one, from 0; None for all of them.
    """

    part: int | None

    @classmethod
    def of_day(cls, today: date) -> Share:
        """Return the share of a day; in `PARTS` days in a row each comes once."""
        return cls(today.toordinal() % PARTS)

    def has(self, digest: str) -> bool:
        """Whether a blob is in it."""
        return self.part is None or zlib.crc32(digest.encode()) % PARTS == self.part

    def __str__(self) -> str:
        """Name it for people."""
        return "all" if self.part is None else f"{self.part + 1}/{PARTS}"


@dataclass
class ScrubReport:
    """What was found.

    Attributes:
        share: Which blobs were read.
        blobs: How many those were.
        size: How many bytes they have.
        damaged: Digests of those whose content is another one, or that cannot be read.
        repaired: Those of them that are whole again, with where their content comes from.
        unrepaired: Why the others are not.
    """

    share: str
    blobs: int = 0
    size: int = 0
    damaged: list[str] = field(default_factory=list)
    repaired: dict[str, str] = field(default_factory=dict)
    unrepaired: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`. A disk that damages files is news even where they are whole again."""
        if self.unrepaired:
            return exit_codes.MISMATCH
        return exit_codes.WARNINGS if self.damaged else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.unrepaired:
            first, why = next(iter(self.unrepaired.items()))
            return f"{first} is damaged on the disk{and_more(list(self.unrepaired))}: {why}"
        read = f"read {self.blobs} blobs ({self.share})"
        if self.damaged:
            sources = " and ".join(sorted(set(self.repaired.values())))
            return f"{read}: {len(self.damaged)} were damaged on the disk, and are repaired from {sources}; is the disk failing?"
        return f"{read}: all are what their digests say"
