"""What the pages show, prepared: rows of tags, changes by day, entries of the mirror, backups, clients."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from ops.console.figures import Figures
from ops.console.images import Image, Images, Repository, Tag
from ops.console.words import day
from ops.core.exit_codes import SUCCESSFUL
from ops.registry.sharing import Share
from ops.runs.history import ENDED, Run
from ops.stack.clients import Client, Pulling
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import IGNORED, Kind, Record
from ops.tasks.changes.run import LEDGER
from ops.tasks.changes.views import StateAt
from ops.tasks.sync.model import MirrorEntry
from ops.tasks.sync.state import Record as Fared
from ops.tasks.sync.status import MirrorStatus, standing

BACKUP_TASKS = frozenset({"backup", "verify", "drill", "prune", "restore", "recover"})
# How many deleted tags the page of a repository lists.
_GONE = 50
_TROUBLE_FIRST = ("failed", "waiting", "skipped", "changed", "unchanged")


@dataclass(frozen=True)
class RepositoryRow:
    """A repository, what it has for itself, and when it was last pulled; None for what is not known."""

    repository: Repository
    share: Share | None
    pulled: float | None


@dataclass(frozen=True)
class TagRow:
    """A tag, what it leads to and has for itself, who set it, and when it was last pulled; None for what is not known."""

    tag: Tag
    digest: str | None
    image: Image | None
    actor: str | None
    share: Share | None
    pulled: float | None


@dataclass(frozen=True)
class Changes:
    """Changes, the newest first; since when the ledger knows every state, and when it looked last."""

    records: Sequence[Record]
    begins: datetime | None
    looked: datetime | None


class TagThen(NamedTuple):
    """A tag, and what it pointed to at a time."""

    repository: str
    tag: str
    digest: str


@dataclass(frozen=True)
class BackedUp:
    """A backup that was made, and how many changes it has that the one before had not; None if the ledger does not know.

    Attributes:
        run: The run that made it.
        before: When the one before was made; None if that is not known any more.
        changes: How many changes came in between.
    """

    run: Run
    before: datetime | None
    changes: int | None


@dataclass(frozen=True)
class Details:
    """What an image's configuration says: https://github.com/opencontainers/image-spec/blob/main/config.md ."""

    created: str
    facts: Sequence[tuple[str, str]]
    environment: Sequence[str]
    labels: Mapping[str, str]
    steps: Sequence[str]


def ledger_file(stack: Stack) -> Path:
    """Return the file of the ledger."""
    return stack.data / LEDGER


def repository_rows(repositories: Sequence[Repository], figures: Figures) -> list[RepositoryRow]:
    """Return the rows of some repositories."""
    return [RepositoryRow(one, *figures.repository(one.name)) for one in repositories]


def tag_rows(images: Images, repository: str, tags: Sequence[Tag], figures: Figures, ledger: Ledger | None) -> list[TagRow]:
    """Return the rows of some tags."""

    def row(tag: Tag) -> TagRow:
        digest = images.digest(repository, tag.name)
        last = ledger.last(repository, tag.name) if ledger else None
        known = last is not None and last.change.new == digest
        image = images.image(digest) if digest else None
        return TagRow(tag, digest, image, last.actor if last and known else None, *figures.image(repository, tag.name, digest))

    return [row(tag) for tag in tags]


def gone(images: Images, repository: str, ledger: Ledger) -> list[Record]:
    """Return the last deletions of tags that are not there now, the newest first."""
    last = ledger.gone(repository)[-_GONE:][::-1]
    return [record for record in last if images.digest(repository, record.change.tag) is None]


def changes(ledger: Ledger, since: datetime, until: datetime | None, asked: str) -> Changes:
    """Return the changes since a time, and before another one, of the references that contain a text."""
    records = [
        record
        for record in reversed(ledger.since(since, until))
        if _tells(record) and asked.casefold() in f"{record.change.repository}:{record.change.tag}".casefold()
    ]
    return Changes(records, ledger.begins(), ledger.last_look())


def _tells(record: Record) -> bool:
    return record.kind is not Kind.BASELINE and record.change.repository not in IGNORED


def tags_at(found: StateAt, asked: str) -> list[TagThen]:
    """Return the tags that there were, of the references that contain a text, by name."""
    text = asked.casefold()
    return [
        TagThen(repository, tag, digest)
        for repository, tags in found.state.items()
        if repository not in IGNORED
        for tag, digest in tags.items()
        if text in f"{repository}:{tag}".casefold()
    ]


def by_day(records: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    """Return changes by day."""
    return [(name, list(those)) for name, those in groupby(records, key=lambda record: day(record.time))]


def readable(records: Iterable[Record], images: Images, repository: str) -> Iterator[str]:
    """Yield the former digests of a tag that can still be pulled by digest."""
    digests = {digest for record in records for digest in (record.change.old, record.change.new) if digest}
    return (digest for digest in digests if images.has(repository, digest))


def details(configuration: Mapping[str, Any]) -> Details:
    """Return what an image's configuration says, whatever is in it."""
    config = configuration.get("config")
    config = config if isinstance(config, dict) else {}
    named = {
        "Entrypoint": _words(config.get("Entrypoint")),
        "Command": _words(config.get("Cmd")),
        "User": _words(config.get("User")),
        "Working directory": _words(config.get("WorkingDir")),
        "Ports": _words(sorted(config["ExposedPorts"]) if isinstance(config.get("ExposedPorts"), dict) else None),
        "Volumes": _words(sorted(config["Volumes"]) if isinstance(config.get("Volumes"), dict) else None),
        "Stop signal": _words(config.get("StopSignal")),
    }
    labels = config.get("Labels")
    steps = configuration.get("history")
    return Details(
        created=str(configuration.get("created") or ""),
        facts=[(name, value) for name, value in named.items() if value],
        environment=[str(one) for one in config.get("Env") or ()] if isinstance(config.get("Env"), list) else [],
        labels={str(key): str(value) for key, value in sorted(labels.items())} if isinstance(labels, dict) else {},
        steps=[str(one.get("created_by", "")) for one in steps if isinstance(one, dict)] if isinstance(steps, list) else [],
    )


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def mirror_status(stack: Stack) -> MirrorStatus | None:
    """Return how the mirror fares; None if nothing is mirrored.

    Raises:
        MirrorStateError: What is remembered cannot be read.
    """
    settings = stack.config.sync
    return standing(stack, settings) if settings else None


def mirror_entries(status: MirrorStatus, asked: str) -> list[tuple[MirrorEntry, Fared | None]]:
    """Return the entries whose name contains a text: those in trouble first."""

    def order(entry: tuple[MirrorEntry, Fared | None]) -> tuple[int, str]:
        known = entry[1]
        state = known.state.value if known else ""
        grave = -1 if known and known.quarantined else _TROUBLE_FIRST.index(state) if state in _TROUBLE_FIRST else 2
        return grave, entry[0].name

    return sorted((one for one in status.entries if asked.casefold() in one[0].name.casefold()), key=order)


def clients(pulls: Pulling, asked: str) -> list[Client]:
    """Return the clients whose name, address, program or repositories contain a text, the last one first."""
    text = asked.casefold()
    return [
        one for one in pulls.clients if text in f"{one.name} {one.address} {one.family} {' '.join(one.repositories)}".casefold()
    ]


def when_changed(ledger: Ledger, since: datetime) -> list[datetime]:
    """Return when tags changed since a time, in order."""
    return sorted(record.time for record in ledger.since(since) if _tells(record))


def made(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that have made backups, the newest first."""
    found = [run for run in runs if run.task == "backup" and run.state == ENDED and run.exit_code in SUCCESSFUL]
    return sorted(found, key=attrgetter("at"), reverse=True)


def backed_up(made: Sequence[Run], changed: Sequence[datetime] | None) -> list[BackedUp]:
    """Return what is new in backups.

    Args:
        made: The runs that have made them, the newest first.
        changed: When tags changed, in order; None if nobody knows.
    """
    found = []
    for run, before in zip_longest(made, made[1:]):
        since = datetime.fromtimestamp(before.at, UTC) if before else None
        count = None
        if since and changed is not None:
            count = bisect_left(changed, datetime.fromtimestamp(run.at, UTC)) - bisect_left(changed, since)
        found.append(BackedUp(run, since, count))
    return found
