"""What an export did, and what can go wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from humanize import naturalsize

from ops.core import exit_codes
from ops.core.findings import and_more


class ExportError(Exception):
    """The registry cannot be exported there; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


class TargetUnreachableError(ExportError):
    """The server cannot be reached."""

    exit_code = exit_codes.UNREACHABLE


class TargetFullError(ExportError):
    """There is no room at the target."""

    exit_code = exit_codes.NO_SPACE


@dataclass(frozen=True)
class ExportReport:
    """An export.

    Attributes:
        target: Where to.
        repositories: How many repositories it has.
        tags: How many tags.
        blobs: How many blobs.
        size: How many bytes.
        sent: How many files were sent, or would be.
        repaired: Files at the target that were there with another content, and are as they should be now.
        damaged: Blobs whose content is not what their digest says. They are left out.
        incomplete: Tags that cannot be pulled completely, each with the reason.
        unclear: What could not be read, with the reason: the export may lack it.
        seconds: How long each step took.
    """

    target: str
    repositories: int
    tags: int
    blobs: int
    size: int
    sent: int
    repaired: Sequence[str] = ()
    damaged: Sequence[str] = ()
    incomplete: Mapping[str, str] = field(default_factory=dict)
    unclear: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        if self.damaged:
            return exit_codes.MISMATCH
        return exit_codes.WARNINGS if self.incomplete or self.unclear else exit_codes.OK

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        done = (
            f"{self.target}: {self.tags} tags, {self.blobs} blobs, {naturalsize(self.size, binary=True)}; {self.sent} files sent"
        )
        if self.damaged:
            return f"{done}; damaged here, and left out: {self.damaged[0]}{and_more(self.damaged)}"
        if self.incomplete:
            tag, why = next(iter(self.incomplete.items()))
            return f"{done}; damaged: {tag}: {why}{and_more(self.incomplete)}"
        return f"{done}; cannot be read: {self.unclear[0]}" if self.unclear else done
