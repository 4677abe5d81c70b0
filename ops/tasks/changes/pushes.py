"""Turns the registry's events into what people did: one entry for each push or deletion. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ops.events.reader import Stored
from ops.tasks.changes.model import IGNORED

_INDEX_TYPES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
# Signatures and other artefacts, where a registry has no referrers API, are tags of the digest that they belong to.
_REFERRER_TAG = re.compile(r"sha256-[0-9a-f]{64}(\..+)?")


@dataclass(frozen=True)
class Entry:
    """One push or deletion.

    Attributes:
        action: `push` or `delete`.
        repository: Where.
        tags: The tags that were pushed to the same manifest, or deleted, one after the other.
        digest: Of the manifest that was pushed; None for a deletion.
        multi_platform: Whether that is an index.
        actor: Who did it; None when the registry did not say.
        time: Of the last event, as the registry wrote it; when it arrived if it wrote none.
        first: Number of the first event.
        last: Number of the last event.
    """

    action: str
    repository: str
    tags: tuple[str, ...]
    digest: str | None
    multi_platform: bool
    actor: str | None
    time: str
    first: int
    last: int


def coalesce(told: Iterable[Stored]) -> Sequence[Entry]:
    """Return one entry for each push or deletion, in the order in which they began.

    A push of an image for several platforms is one event for each of its manifests, without a tag, and one for the index with the
    tag. A deletion by digest is one event without a tag, and one for each tag that went with it. So events without tags are parts
    of others, or nothing that anybody sees. What is told twice counts once.

    Args:
        told: Events in order of arrival.
    """
    entries: list[Entry] = []
    newest: dict[str, int] = {}  # by repository, which entry the next event may belong to
    seen = set[str]()
    for stored in told:
        entry = _entry(stored)
        if entry is None or stored.event.id in seen:
            continue
        seen.add(stored.event.id)
        position = newest.get(entry.repository)
        if position is not None and _same(entries[position], entry):
            before = entries[position]
            tags = tuple(dict.fromkeys(before.tags + entry.tags))
            entries[position] = replace(before, tags=tags, time=entry.time, last=entry.last)
        else:
            newest[entry.repository] = len(entries)
            entries.append(entry)
    return entries


def _entry(stored: Stored) -> Entry | None:
    event = stored.event
    if not event.repository or event.repository in IGNORED or not event.tag or _REFERRER_TAG.fullmatch(event.tag):
        return None
    if event.action not in {"push", "delete"} or (event.action == "push" and not event.digest):
        return None
    return Entry(
        action=event.action,
        repository=event.repository,
        tags=(event.tag,),
        digest=event.digest if event.action == "push" else None,
        multi_platform=event.media_type in _INDEX_TYPES,
        actor=event.actor,
        time=event.timestamp or stored.received,
        first=stored.seq,
        last=stored.seq,
    )


def _same(one: Entry, other: Entry) -> bool:
    return (one.action, one.digest, one.actor) == (other.action, other.digest, other.actor)
