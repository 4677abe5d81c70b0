"""Snapshots as they were made until 2026, as copies made of hard links: turned into today's when they are met."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ops.registry.index import index_of, write_index
from ops.registry.listing import listing_of
from ops.registry.snapshots.removed import Removed, write_removed
from ops.registry.snapshots.trash import Trash
from ops.registry.tree import Entry, Kind, RegistryTree, TreeError, entry_of, read_link

_TREE, _REMOVED = "tree", "removed.txt"


def convert(folder: Path, live: RegistryTree, *, index: Path, removed: Path, trash: Trash) -> None:
    """Write the index and the record of a former snapshot, move the blobs to its trash that the registry lacks, drop the copy.

    It can be killed at any time and called again. The caller then writes a new `snapshot.json`.

    Args:
        folder: The snapshot's folder.
        live: The registry's tree.
        index: Where its index goes.
        removed: Where the record of what was removed goes.
        trash: Its trash.
    """
    tree = RegistryTree(folder / _TREE)
    if not index.exists():
        write_index(index, index_of(listing_of(tree)))
        write_removed(removed, _removed(tree, folder / _REMOVED))
    for digest in (one for one in listing_of(tree).blobs if not live.blob(one).exists()):
        trash.move_in(str(tree.blob(digest)), digest)
    shutil.rmtree(folder / _TREE, ignore_errors=True)
    (folder / _REMOVED).unlink(missing_ok=True)


def is_former(folder: Path) -> bool:
    """Whether a snapshot's folder was made in the former way."""
    try:
        return bool(json.loads((folder / "snapshot.json").read_text())["schema"] == 1)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _removed(tree: RegistryTree, record: Path) -> list[Removed]:
    found = []
    for path in record.read_text().splitlines() if record.exists() else []:
        entry = entry_of(path)
        if entry is None:
            continue
        try:
            content = "" if entry.kind == Kind.BLOB else read_link(tree.top / path)
        except (TreeError, OSError):
            continue
        found.append(Removed(Entry(entry.kind, entry.digest or content, entry.repository, entry.tag), content))
    return found
