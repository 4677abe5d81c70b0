"""Other catalogues to take entries from: the starter, of public images that many mirror, or any file of regsync."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.catalogue.document import Document, Item
from ops.catalogue.errors import CatalogueError
from ops.catalogue.names import name_of
from ops.catalogue.patches import merged
from ops.catalogue.store import Store
from ops.catalogue.wishes import Wishes, patch_of

STARTER = "starter"
_FILE = Path(__file__).with_name("starter.yml")


def other_catalogue(name: str) -> Document:
    """Return a catalogue to take entries from: `starter`, or a file.

    Raises:
        CatalogueError: It is missing, or cannot be read.
    """
    path = _FILE if name == STARTER else Path(name)
    content = Store(path).read()
    if content is None:
        raise CatalogueError(f"{name} is missing; give {STARTER}, or the path of a regsync.yml")
    return Document.of(content, path)


def entry_like(item: Item, document: Document, wishes: Wishes, registries: Collection[str]) -> dict[str, Any]:
    """Return an entry of another catalogue as one of this one: with the name of this registry.

    Args:
        item: The other's entry.
        document: The catalogue that it is for.
        wishes: What shall be otherwise than in the other one.
        registries: What this registry is called, if that was said.

    Raises:
        CatalogueError: It has no source that can be read, or its target cannot be told.
    """
    try:
        source = name_of(item.text("source"))
        target = name_of(item.text("target"))
    except ValueError as error:
        raise CatalogueError(f"{error}; add it by its source instead") from None
    here = f"{target.repository}:{target.tag}" if target.tag else target.repository
    return merged(item.values, patch_of(document, replace(wishes, target=wishes.target or here), registries, source))
