"""Parses the body of the registry's webhook: an envelope of events. A pure function.

https://distribution.github.io/distribution/about/notifications/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_BODY_BYTES = 1024 * 1024  # an event of the registry has some 1 to 4 KiB


@dataclass(frozen=True)
class RegistryEvent:
    """One event. What the registry left out is None; `raw` is the whole event as JSON."""

    id: str
    action: str | None
    repository: str | None
    tag: str | None
    digest: str | None
    media_type: str | None
    actor: str | None
    timestamp: str | None
    raw: str


def parse(body: bytes | None) -> tuple[list[RegistryEvent], str | None]:
    """Return the events of a body, and what is wrong with the rest of it, if anything. A body of None was too large."""
    if body is None:
        return [], f"larger than {MAX_BODY_BYTES} bytes"
    try:
        envelope = json.loads(body, parse_constant=_refuse)
        items = envelope.get("events") if isinstance(envelope, dict) else None
        if not isinstance(items, list):
            return [], "no list of events"
        events = [event for event in map(_event, items) if event]
    except (ValueError, RecursionError) as error:
        return [], f"not JSON: {error}"
    bad = len(items) - len(events)
    return events, f"{bad} of {len(items)} events have no id" if bad else None


def _event(item: Any) -> RegistryEvent | None:
    event_id = _text(item, "id")
    if not event_id:
        return None
    return RegistryEvent(
        id=event_id,
        action=_text(item, "action"),
        repository=_text(item, "target", "repository"),
        tag=_text(item, "target", "tag"),
        digest=_text(item, "target", "digest"),
        media_type=_text(item, "target", "mediaType"),
        actor=_text(item, "actor", "name"),
        timestamp=_text(item, "timestamp"),
        raw=json.dumps(item, separators=(",", ":"), allow_nan=False),  # 1e999 is read as infinity
    )


def _text(value: Any, *keys: str) -> str | None:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair, which SQLite rejects


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
