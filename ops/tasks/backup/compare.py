"""Which tags differ between two backups, or between a backup and the registry as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.backups.repository import BackupRepository, repository_of
from ops.backups.told import Backup
from ops.registry.index import Index, index_of
from ops.registry.listing import listing_of
from ops.stack.places import tree_of
from ops.stack.stack import Stack

NOW = "now"


@dataclass(frozen=True)
class Difference:
    """What differs.

    Attributes:
        old: Name of a backup.
        new: Name of another one, or `now`.
        added: Tags that only the new one has, as `repository:tag`.
        removed: Tags that only the old one has.
        moved: Tags that point to another digest in the new one.
    """

    old: str
    new: str
    added: Sequence[str]
    removed: Sequence[str]
    moved: Sequence[str]


def compared(stack: Stack, old: str, new: str) -> Difference:
    """Compare.

    Raises:
        BackupError: There is no such backup, or it cannot be read.
    """
    backups = repository_of(stack)
    found = backups.all()
    (first, before), (second, after) = (_moment(stack, backups, found, name) for name in (old, new))
    return Difference(
        first,
        second,
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        moved=sorted(tag for tag in before.keys() & after.keys() if before[tag] != after[tag]),
    )


def _moment(stack: Stack, backups: BackupRepository, found: Sequence[Backup], name: str) -> tuple[str, dict[str, str]]:
    if name == NOW:
        return NOW, _tags(index_of(listing_of(tree_of(stack))))
    backup = backups.find(name, among=found)
    return backup.name, _tags(backups.index(backup))


def _tags(index: Index) -> dict[str, str]:
    return {f"{name}:{tag}": digest for name, one in index.items() for tag, digest in one.tags.items()}
