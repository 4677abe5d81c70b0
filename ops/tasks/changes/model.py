"""The values of change detection: what is seen of a registry, what changed, and what the ledger says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops.registry.canary import REPOSITORY

# The doctor deletes and pushes its canary all the time; nobody wants to hear of it.
IGNORED = frozenset({REPOSITORY})


@dataclass(frozen=True)
class Unknown:
    """Something that could not be seen. It says nothing about whether it is there: it is never taken as removed."""

    reason: str


# The digest that each tag names, by repository and tag. A repository without tags is the same as none.
State = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Scan:
    """What a look at the registry saw, at one time.

    Attributes:
        repositories: By repository the digest of each tag, or why it, or the whole repository, could not be seen.
        missing: Why there may be more repositories than these; None when all were seen.
    """

    repositories: Mapping[str, Mapping[str, str | Unknown] | Unknown]
    missing: Unknown | None = None


class Kind(StrEnum):
    """What happened to a tag; `baseline` is what the first run of all found."""

    BASELINE = "baseline"
    ADDED = "added"
    MOVED = "moved"
    REMOVED = "removed"


class Source(StrEnum):
    """How it became known: by comparing (who did it is unknown, and it happened before), or told by the registry."""

    SCAN = "scan"
    EVENT = "event"


@dataclass(frozen=True, order=True)
class Change:
    """A tag that names another digest than before; None is no tag."""

    repository: str
    tag: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> Kind:
        """What that is called."""
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
        seq: Its place: the order in which changes became known, whatever the clock said.
        time: When it happened if an event told, else when it was seen; UTC.
        change: What changed.
        kind: What that is called.
        source: How it became known first.
        actor: Who did it; None when nobody said.
    """

    seq: int
    time: datetime
    change: Change
    kind: Kind
    source: Source
    actor: str | None
