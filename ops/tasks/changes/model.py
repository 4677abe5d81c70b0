"""The values of change detection: what a scan found, what changed, and what the ledger records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops.registry.canary import REPOSITORY

# The doctor deletes and pushes its canary all the time; nobody wants to hear about it.
IGNORED = frozenset({REPOSITORY})


@dataclass(frozen=True)
class Unknown:
    """Something that could not be read. It may or may not exist, and never counts as removed."""

    reason: str


# The digest that each tag points to, by repository and tag. A repository without tags is the same as none.
State = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Scan:
    """What the registry looked like at one time.

    Attributes:
        repositories: By repository the digest of each tag, or why the tag, or the whole repository, could not be read.
        missing: Why there may be more repositories than these; None when all were listed.
    """

    repositories: Mapping[str, Mapping[str, str | Unknown] | Unknown]
    missing: Unknown | None = None


class Kind(StrEnum):
    """What happened to a tag; `baseline` is what the very first scan found."""

    BASELINE = "baseline"
    ADDED = "added"
    MOVED = "moved"
    REMOVED = "removed"


class Source(StrEnum):
    """How it became known: from a scan, which does not know who did it and when, or from an event of the registry."""

    SCAN = "scan"
    EVENT = "event"


@dataclass(frozen=True, order=True)
class Change:
    """A tag that points to another digest than before; None means that the tag did not or does not exist."""

    repository: str
    tag: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> Kind:
        """What happened to the tag."""
        if self.old is None:
            return Kind.ADDED
        return Kind.REMOVED if self.new is None else Kind.MOVED


@dataclass(frozen=True, order=True)
class Gap:
    """What is unknown: a tag, a repository (no tag), or how many repositories there are (neither)."""

    repository: str
    tag: str
    reason: str


@dataclass(frozen=True)
class Record:
    """A line of the ledger.

    Attributes:
        seq: Its number, in the order in which changes became known, whatever the clock said.
        time: When it happened according to an event, else when a scan found it; UTC.
        change: What changed.
        kind: What happened to the tag.
        source: How it became known first.
        actor: Who did it; None when that is unknown.
    """

    seq: int
    time: datetime
    change: Change
    kind: Kind
    source: Source
    actor: str | None
