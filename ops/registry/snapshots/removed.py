"""The record of what a garbage collection removed: written before anything is, so that all of it can be put back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from ops.core.json_lines import DamagedError, read_lines, write_lines
from ops.registry.snapshots.trash import SnapshotError
from ops.registry.tree import Entry, Kind


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
    """Write the record: a line for each file, blobs first."""
    ordered = sorted(removed, key=lambda one: one.entry.kind)
    write_lines(file, ([*astuple(one.entry), one.content] for one in ordered))


def read_removed(file: Path) -> Sequence[Removed]:
    """Read the record; empty if there is none.

    Raises:
        SnapshotError: It is damaged.
    """
    try:
        return [_removed(*fields) for fields in read_lines(file)]
    except FileNotFoundError:
        return []
    except (DamagedError, ValueError, TypeError) as error:
        raise SnapshotError(f"{file} cannot be read ({error}); nothing can be put back from it") from error


def _removed(kind: int, digest: str, repository: str, tag: str, content: str) -> Removed:
    return Removed(Entry(Kind(kind), digest, repository, tag), content)
