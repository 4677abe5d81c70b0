"""What a drill is told, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from humanize import naturalsize

from ops.core import exit_codes
from ops.core.durations import duration
from ops.core.findings import and_more

SCHEMA = 1


@dataclass(frozen=True)
class DrillOptions:
    """How much is tried.

    Attributes:
        repositories: How many repositories, beside the canary's.
        tags: How many tags of each, at most.
        size: How many bytes in all, at most.
    """

    repositories: int = 10
    tags: int = 20
    size: int = 1024**3


@dataclass(frozen=True)
class DrillReport:
    """What a drill found. Times are in seconds.

    Attributes:
        at: When it began, in UTC as ISO 8601.
        stack: Whose backups.
        backup: The backup that was tried.
        made_at: When that was made.
        image: The image of the registry that served it.
        repositories: What was tried.
        tags: How many tags were pulled.
        manifests: How many manifests.
        blobs: How many other blobs.
        size: How many bytes were restored.
        rate: How many bytes a second.
        rto_s: How long all of it would take to restore at that rate; None if the backup does not say how large it is.
        rpo_s: How much of the past would be lost if the host were lost now.
        moved: Tags that production serves with another digest by now.
        gone: Tags that production no longer has.
        files: How many files of configuration and state were opened.
        databases: How many of them are databases, all of which are whole.
        changed: How many of them are different by now, or gone.
        problems: What is wrong; the drill has failed if there is any.
        notes: What could not be tried, with the reason.
        seconds: How long each step took.
    """

    at: str
    stack: str
    backup: str
    made_at: str
    image: str
    repositories: Sequence[str]
    tags: int
    manifests: int
    blobs: int
    size: int
    rate: float
    rto_s: float | None
    rpo_s: float
    moved: Sequence[str]
    gone: Sequence[str]
    files: int
    databases: int
    changed: int
    problems: Sequence[str]
    notes: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether all came back as it should."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """How it ended: see `ops.core.exit_codes`."""
        return exit_codes.OK if self.passed else exit_codes.MISMATCH

    @property
    def summary(self) -> str:
        """How it ended, in a line."""
        if self.problems:
            return f"{self.backup} does not come back: {self.problems[0]}{and_more(self.problems)}"
        whole = f"all of it would take {duration(self.rto_s)}" if self.rto_s is not None else "its size is unknown"
        return (
            f"{self.tags} tags of {len(self.repositories)} repositories came back from {self.backup}: "
            f"{naturalsize(self.size, binary=True)} at {self.rate / 1e6:.1f} MB/s, {whole}; loss at most {duration(self.rpo_s)}"
        )

    @property
    def figures(self) -> Mapping[str, float]:
        """What was measured, for metrics."""
        measured = {
            "passed": float(self.passed),
            "bytes": float(self.size),
            "bytes_per_second": self.rate,
            "rpo_seconds": self.rpo_s,
            "tags": float(self.tags),
            "blobs": float(self.blobs),
        }
        return measured if self.rto_s is None else {**measured, "rto_seconds": self.rto_s}

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {"schema": SCHEMA, "passed": self.passed, **asdict(self)}


def lines_of(document: Mapping[str, Any]) -> list[str]:
    """Return a report as text, from its document."""
    rto = document["rto_s"]
    served = f"{document['manifests']} manifests and {document['blobs']} blobs, {naturalsize(document['size'], binary=True)}"
    lines = [
        f"drill of {document['at']}: {'passed' if document['passed'] else 'FAILED'}",
        f"backup:         {document['backup']} of {document['stack']}, made {document['made_at']}",
        f"served by:      {document['image']}",
        f"pulled:         {document['tags']} tags of {len(document['repositories'])} repositories: {served}",
        f"state:          {document['files']} files, {document['databases']} databases; {document['changed']} changed since",
        f"production:     {len(document['moved'])} of these tags have moved since, {len(document['gone'])} are gone",
        f"rate:           {document['rate'] / 1e6:.1f} MB/s",
        f"RTO:            {'unknown' if rto is None else duration(rto)} for all of it, extrapolated",
        f"RPO:            {duration(document['rpo_s'])}",
    ]
    return [*lines, *(f"PROBLEM: {one}" for one in document["problems"]), *(f"note: {one}" for one in document["notes"])]
