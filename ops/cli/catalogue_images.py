"""Deletes the images of an entry that is removed from this host's catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.catalogue.document import Document, Item
from ops.catalogue.errors import EditError
from ops.cli.catalogue_files import is_of_host
from ops.cli.say import say
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.sync.deletion import delete, images_of
from ops.tasks.sync.mirror import mirror_of

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Removal:
    """What is deleted with an entry.

    Attributes:
        stack: Where.
        tags: The tags, each with its repository.
    """

    stack: Stack
    tags: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, document: Document, item: Item, file: Path, root: object) -> Removal:
        """Return what an entry has copied here.

        Args:
            document: The catalogue, with the entry.
            item: The entry.
            file: The catalogue's file.
            root: The stack's folder; None without one.

        Raises:
            EditError: It is not this host's catalogue, it cannot be known what the entry has copied, or another entry
                mirrors to the same place.
        """
        if not isinstance(root, Path) or not is_of_host(file, root):
            raise EditError("--images deletes on the host: run it there, on its own catalogue")
        stack = Stack(root)
        with mirror_of(stack) as mirror:
            entry = mirror.entries[item.index]
            repositories = mirror.state.parts(entry) if entry.registry else [entry.repository]
            others = [one for one in mirror.entries if one is not entry and one.repository in repositories]
        if not (entry.repository or entry.registry):
            raise EditError(f"{document.place(item)}: it cannot be read where it mirrors to; remove it without --images")
        if not entry.tag and others:
            lines = ", ".join(f":{one.line}" for one in others)
            raise EditError(f"{others[0].repository} is what other entries ({lines}) mirror to, too; remove it without --images")
        return cls(stack, images_of(tree_of(stack), entry, repositories))

    def show(self) -> None:
        """Say what would be deleted."""
        say(f"{len(self.tags)} tags would be deleted here: {self._names}")

    def run(self) -> None:
        """Delete them.

        Raises:
            LockedError: Another task works on the registry's files.
            RegistryError: The registry refuses, or does not answer.
            SnapshotError: There is no room for a snapshot.
        """
        done = delete(self.stack, self.tags, patience_s=_PATIENCE_S)
        if done is None:
            say("there were no images of it here")
        else:
            say(f"deleted {len(done.deleted)} tags; `regops snapshot restore {done.snapshot}` brings them back")

    @property
    def _names(self) -> str:
        return ", ".join(f"{name}:{tag}" for name, tag in self.tags) or "there are none"
