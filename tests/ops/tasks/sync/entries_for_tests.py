"""Entries of a catalogue, as the mirror reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ops.catalogue.document import Document
from ops.catalogue.model import Surroundings
from ops.tasks.sync.entries import mirror_entries
from ops.tasks.sync.model import MirrorEntry, Seen

HERE = "registry.example.com"
AROUND = Surroundings(frozenset({HERE}))
INDEX = "application/vnd.oci.image.index.v1+json"


def entries(*given: dict[str, Any], **rest: Any) -> list[MirrorEntry]:
    """Return what the mirror reads in a catalogue with these entries."""
    return mirror_entries(Document(yaml.safe_dump({"version": 1, **rest, "sync": list(given)}, sort_keys=False)), AROUND)


def entry(
    source: str = "quay.io/org/app", target: str = "", policies: Mapping[str, Any] | None = None, **more: Any
) -> MirrorEntry:
    """Return an entry for a repository, with these policies of ours."""
    given = {"source": source, "target": f"{HERE}/{target or source.partition('/')[2]}", "type": "repository"}
    more |= {"x-regops": dict(policies)} if policies else {}
    (found,) = entries({**given, **more})
    return found


def seen(tag: str, digest: str = "", media_type: str = INDEX) -> Seen:
    """Return a tag upstream."""
    return Seen(tag, tag, digest or f"sha256:{tag.encode().hex():0>64}", media_type)
