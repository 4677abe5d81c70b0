"""What the pages show, prepared: rows of tags, changes by day, entries of the mirror, runs of tasks, snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ops.console.images import Image, Images, Tag
from ops.console.words import day
from ops.registry.snapshots.store import Snapshot, SnapshotStore
from ops.registry.snapshots.trash import SnapshotError
from ops.runs.history import History, Run
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import IGNORED, Kind, Record
from ops.tasks.changes.run import LEDGER
from ops.tasks.sync.model import MirrorEntry
from ops.tasks.sync.state import Record as Fared
from ops.tasks.sync.status import MirrorStatus, standing

BACKUP_TASKS = frozenset({"backup", "verify", "drill", "prune", "restore", "recover"})
_TROUBLE_FIRST = ("failed", "waiting", "skipped", "changed", "unchanged")


@dataclass(frozen=True)
class TagRow:
    """A tag, what it leads to, and who set it; None for what is not known."""

    tag: Tag
    digest: str | None
    image: Image | None
    actor: str | None


@dataclass(frozen=True)
class Changes:
    """Changes, the newest first; since when the ledger knows every state, and when it looked last."""

    records: Sequence[Record]
    begins: datetime | None
    looked: datetime | None


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


def tag_rows(images: Images, repository: str, tags: Sequence[Tag], ledger: Ledger | None) -> list[TagRow]:
    """Return the rows of some tags."""

    def row(tag: Tag) -> TagRow:
        digest = images.digest(repository, tag.name)
        last = ledger.last(repository, tag.name) if ledger else None
        known = last is not None and last.change.new == digest
        return TagRow(tag, digest, images.image(digest) if digest else None, last.actor if last and known else None)

    return [row(tag) for tag in tags]


def changes(ledger: Ledger, since: datetime, asked: str) -> Changes:
    """Return the changes since a time, of the references that contain a text."""
    records = [
        record
        for record in reversed(ledger.since(since))
        if record.kind is not Kind.BASELINE
        and record.change.repository not in IGNORED
        and asked.casefold() in f"{record.change.repository}:{record.change.tag}".casefold()
    ]
    return Changes(records, ledger.begins(), ledger.last_look())


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


def runs_of(history: History, names: frozenset[str]) -> list[Run]:
    """Return the runs of some tasks, the newest first."""
    return [run for run in reversed(history.runs()) if run.task in names]


def snapshots(stack: Stack) -> list[Snapshot] | None:
    """Return the snapshots, the newest first; None if they cannot be read here."""
    store = SnapshotStore(stack.root / stack.config.snapshots, tree_of(stack))
    try:
        return store.all()[::-1]
    except (OSError, SnapshotError):
        return None
