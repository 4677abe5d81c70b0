"""What mirroring is told, what it would do, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ops.catalogue.entry import Entry
from ops.catalogue.names import Name

# How a reason to wait ends that the next runs of the schedule look at again.
GOES_ON = "; it goes on by itself"
CLOSED_BY_HAND = "the registry is in read-only mode until its operator ends that"


@dataclass(frozen=True)
class Failure:
    """Why an entry, or a tag of it, was not mirrored.

    Attributes:
        why: What is wrong.
        remedy: What to do about it; empty if there is nothing to do but wait.
        passes: Whether trying again later may help.
        waits: Whether it is nobody's fault, and goes on by itself: upstream grants no more pulls for now.
    """

    why: str
    remedy: str = ""
    passes: bool = False
    waits: bool = False

    def __str__(self) -> str:
        return f"{self.why}; {self.remedy}" if self.remedy else self.why


@dataclass(frozen=True)
class MirrorEntry:
    """An entry of the catalogue, as it is mirrored.

    Attributes:
        line: Where it is written.
        source: Its source in full; for an entry that cannot be read, None.
        repository: The repository here.
        tag: For a single image, its tag here.
        entry: What it says; None if it cannot be read.
        written: Its source as it is written.
        failure: Why it cannot be mirrored as it is written.
        registry: For a whole registry, its name; each of its repositories is an entry of its own then.
        of: For such a repository, the entry of its registry.
    """

    line: int
    source: Name | None
    repository: str
    tag: str | None
    entry: Entry | None
    written: str
    failure: Failure | None = None
    registry: str = ""
    of: MirrorEntry | None = None

    @property
    def owner(self) -> MirrorEntry:
        """The entry of the catalogue that it is, or is part of."""
        return self.of or self

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.source or self.written)

    @property
    def label(self) -> str:
        """Its name, with where it goes if that is not what one would expect."""
        usual = self.source is None or self.repository.endswith(self.source.repository)
        return self.name if usual else f"{self.name} -> {self.repository}"

    @property
    def key(self) -> str:
        """What tells it from others; it stays the same when its filters or policies are edited."""
        target = f"{self.repository}:{self.tag}" if self.tag else self.repository
        return f"{self.of.key} {target}" if self.of else f"{self.name} {target}"

    @property
    def upstream(self) -> str:
        """The registry that it comes from."""
        return self.source.registry if self.source else self.registry

    @property
    def enabled(self) -> bool:
        """Whether it is switched on."""
        return self.entry is None or self.entry.policies.enabled


@dataclass(frozen=True)
class Seen:
    """A tag as upstream has it.

    Attributes:
        tag: What it is called here.
        reference: The tag or digest upstream.
        digest: What it points to.
        media_type: Of that manifest.
        about: For a signature or the like, the digest of the image that it is about.
        referrers: What the OCI's list of referrers has about it, as far as the entry wants it.
    """

    tag: str
    reference: str
    digest: str
    media_type: str = ""
    about: str = ""
    referrers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Weight:
    """What an image weighs.

    Attributes:
        manifests: How many manifests it has: its index, and one for each platform and attestation.
        size: Bytes of all its blobs.
        exact: Whether that is just what a copy fetches, and no guess from what is here.
    """

    manifests: int
    size: int
    exact: bool = False


@dataclass(frozen=True)
class Job:
    """A tag to copy.

    Attributes:
        entry: The entry that it is of.
        seen: The tag upstream.
        before: What it points to here; None if it is not here.
        weight: About what it weighs, from an image of the same repository that is here; None if nothing is known.
        lacking: What refers to it upstream and not here.
    """

    entry: MirrorEntry
    seen: Seen
    before: str | None
    weight: Weight | None = None
    lacking: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What it is called here."""
        return f"{self.entry.repository}:{self.seen.tag}"

    @property
    def told(self) -> str:
        """What its entry calls it: its tag; in a whole registry with its repository."""
        return self.name if self.entry.of else self.seen.tag

    @property
    def is_here(self) -> bool:
        """Whether the image itself is here already, and only lacks what refers to it."""
        return self.before is not None and self.before == self.seen.digest


@dataclass(frozen=True)
class EntryPlan:
    """What would become of an entry.

    Attributes:
        entry: The entry.
        jobs: The tags to copy.
        unchanged: Tags that are here already.
        moved: Tags of exact versions that point elsewhere upstream than here, and are copied all the same.
        held: Tags that moved and stay as they are here, with the digest that they have upstream.
        young: Tags that are not old enough yet, with the time at which they are, in seconds since 1970.
        gone: Tags here that left upstream, and stay.
        surplus: Tags here that its policies let go.
        refused: Why those stay all the same; None if they go.
        ignored: Tags whose kind of manifest the entry does not want.
        failure: Why nothing of it can be copied.
    """

    entry: MirrorEntry
    jobs: tuple[Job, ...] = ()
    unchanged: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    young: Mapping[str, float] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    refused: Failure | None = None
    ignored: tuple[str, ...] = ()
    failure: Failure | None = None

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        weights = [job.weight for job in self.jobs]
        return {
            "entry": self.entry.name,
            "repository": self.entry.repository,
            "line": self.entry.line,
            "copy": [job.seen.tag for job in self.jobs],
            "new": [job.seen.tag for job in self.jobs if job.before is None],
            "signed_later": [job.seen.tag for job in self.jobs if job.is_here],
            "manifests": sum(one.manifests for one in weights if one) if all(weights) else None,
            "bytes": sum(one.size for one in weights if one) if all(weights) else None,
            "exact": all(one is not None and one.exact for one in weights),
            "unchanged": len(self.unchanged),
            "moved_versions": list(self.moved),
            "held": dict(self.held),
            "young": dict(self.young),
            "gone_upstream": list(self.gone),
            "delete": [] if self.refused else list(self.surplus),
            "ignored": list(self.ignored),
            "failure": next((str(one) for one in (self.failure, self.refused) if one), None),
        }


class EntryState(StrEnum):
    """How an entry fared in a run."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    FAILED = "failed"
    WAITING = "waiting"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class EntryResult:
    """How an entry fared.

    Attributes:
        entry: The entry.
        state: How.
        copied: The tags that were copied.
        deleted: The tags that its policies let go, and that are gone.
        failures: By tag why it was not; of the empty name, why nothing was.
        waits: What it waits for; empty if for nothing.
        size: Bytes that the copied images weigh.
        seconds: How long it took to copy them.
        tries: How many runs in a row have failed, this one included.
        quarantined: Whether it failed so often that it is only looked at once a day.
    """

    entry: MirrorEntry
    state: EntryState
    copied: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    waits: str = ""
    size: int = 0
    seconds: float = 0.0
    tries: int = 0
    quarantined: bool = False

    @property
    def why(self) -> str:
        """Why it failed, waits or was skipped, in one line."""
        reasons = [str(failure) if not tag else f"{tag}: {failure}" for tag, failure in self.failures.items()]
        more = f" (and {len(reasons) - 1} more tags)" if len(reasons) > 1 else ""
        return f"{reasons[0]}{more}" if reasons else self.waits

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "entry": self.entry.name,
            "repository": self.entry.repository,
            "line": self.entry.line,
            "state": str(self.state),
            "copied": list(self.copied),
            "deleted": list(self.deleted),
            "failures": {tag: str(failure) for tag, failure in self.failures.items()},
            "waits": self.waits,
            "bytes": self.size,
            "seconds": round(self.seconds, 1),
            "tries": self.tries,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True)
class SyncReport:
    """What a run did.

    Attributes:
        results: How each entry that was looked at fared.
        not_due: How many entries were looked at not long ago, and so not again.
        off: How many are switched off.
        snapshot: From which deleted tags can be restored; empty if none were.
        verified: How many copied tags were asked for from outside, and were as upstream.
        pulls: By registry that counts pulls, how many are left.
    """

    results: tuple[EntryResult, ...]
    not_due: int = 0
    off: int = 0
    snapshot: str = ""
    verified: int = 0
    pulls: Mapping[str, int] = field(default_factory=dict)

    def count(self, state: EntryState) -> int:
        """Return how many entries fared so."""
        return sum(result.state is state for result in self.results)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "entries": [result.document() for result in self.results],
            "not_due": self.not_due,
            "off": self.off,
            "snapshot": self.snapshot,
            "verified": self.verified,
            "pulls_left": dict(self.pulls),
        }
