"""The record of what a garbage collection removed: written before anything is, so that all of it can be put back."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.core.files import write_atomic
from ops.registry.snapshots.trash import SnapshotError
from ops.registry.tree import Entry, Kind

_MODE = 0o600
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that was removed.

    Attributes:
        entry: What it was.
        content: The digest that it held, if it was a link; empty for a blob, which is in the trash.
    """

    entry: Entry
    content: str


def write_removed(file: Path, removed: Iterable[Removed]) -> None:
    """Write the record, compressed: a line of JSON for each file, blobs first."""
    lines = (
        json.dumps([one.entry.kind, one.entry.digest, one.entry.repository, one.entry.tag, one.content], separators=(",", ":"))
        for one in sorted(removed, key=lambda one: one.entry.kind)
    )
    write_atomic(file, gzip.compress("".join(f"{line}\n" for line in lines).encode(), _COMPRESSION), mode=_MODE)


def read_removed(file: Path) -> Sequence[Removed]:
    """Read the record; empty if there is none.

    Raises:
        SnapshotError: It is damaged.
    """
    try:
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        return [_removed(json.loads(line)) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise SnapshotError(f"{file} cannot be read ({error}); nothing can be put back from it") from error


def _removed(fields: list[str]) -> Removed:
    kind, digest, repository, tag, content = fields
    return Removed(Entry(Kind(int(kind)), digest, repository, tag), content)
