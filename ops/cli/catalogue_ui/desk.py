"""The catalogue that somebody works on: read again when others change it, written as the verbs do. It knows no screen."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ops.catalogue.checks import check
from ops.catalogue.difference import difference
from ops.catalogue.document import Document, Item
from ops.catalogue.edits import without_entry
from ops.catalogue.errors import CatalogueBusyError, CatalogueError
from ops.catalogue.model import Problem, Surroundings
from ops.catalogue.shipped import is_ahead
from ops.catalogue.store import Store
from ops.cli.catalogue_files import Opened, is_of_host, mirror_of
from ops.cli.catalogue_offer import Answer, answer_of
from ops.cli.catalogue_ui.draft import Change, Draft, Preview, preview

if TYPE_CHECKING:
    from ops.tasks.sync.state import Record

_Signature = tuple[int, int, int] | None


@dataclass(frozen=True)
class Findings:
    """What is known of entries, by their place in the list.

    Attributes:
        problems: What is wrong or doubtful with each.
        of_file: What is wrong with the file beside its entries.
        fared: How each fared when the mirror looked at it last; empty where that is not known.
    """

    problems: Mapping[int, Sequence[Problem]]
    of_file: Sequence[Problem]
    fared: Mapping[int, Record]

    @property
    def severe(self) -> int:
        """How many entries cannot be mirrored as they are written."""
        return sum(any(one.severe for one in every) for every in self.problems.values())


@dataclass(frozen=True)
class Planned:
    """What the mirror would do.

    Attributes:
        summary: In a few lines.
        rows: By entry that does not stay as it is: its name, what would be done, and how many manifests and bytes that takes.
    """

    summary: Sequence[str]
    rows: Sequence[tuple[str, str, str, str]]


class Desk:
    """A catalogue, and what can be done with it.

    Attributes:
        file: Its file.
        around: What entries are checked against.
        trouble: Why the file cannot be read now; empty if it can. The document is the last one that could be.
    """

    def __init__(
        self, file: Path, root: object, around: Surroundings, registries: Sequence[str], *, offline: bool = False
    ) -> None:
        """Name what is worked on; `load` reads it.

        Args:
            file: The catalogue.
            root: The stack's folder; None without one.
            around: What entries are checked against.
            registries: What this registry is called, if that was said.
            offline: Whether no upstream is asked.
        """
        self.file, self.around, self.offline = file, around, offline
        self.trouble = ""
        self._root, self._registries = root, registries
        self._opened: Opened | None = None
        self._signature: _Signature = None
        self._plans: list[threading.Thread] = []

    @property
    def document(self) -> Document:
        """What it says."""
        return self._opened.document if self._opened else Document("", self.file.name)

    @property
    def of_host(self) -> bool:
        """Whether it is what a stack on this host mirrors by."""
        return is_of_host(self.file, self._root)

    @property
    def ahead(self) -> bool:
        """Whether it has edits that the repository does not have, which only a host's may."""
        try:
            return isinstance(self._root, Path) and self.of_host and is_ahead(self._root)
        except OSError:
            return False

    def load(self) -> bool:
        """Read the file; return whether it says something else than before."""
        self._signature, before = self._seen(), (self._opened, self.trouble)
        try:
            opened, self.trouble = Opened.of(self.file, new=True), ""
        except (CatalogueError, OSError) as error:
            self.trouble = str(error)
        else:
            if self._opened is None or opened.content != self._opened.content:
                self._opened = opened  # what is being written is of a document, and stays so while that says the same
        return (self._opened, self.trouble) != before

    def is_stale(self) -> bool:
        """Whether the file was written since it was read."""
        return self._seen() != self._signature

    def _seen(self) -> _Signature:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def preview(self, draft: Draft, document: Document | None = None) -> Preview:
        """Return what saving a draft would do.

        Args:
            draft: The draft.
            document: The catalogue that it is of, for whoever is not on the screen's thread; without it, that of now.
        """
        return preview(document or self.document, draft, self.around, self._registries)

    def removal(self, item: Item) -> Change:
        """Return what removing an entry would change.

        Raises:
            EditError: It cannot be taken out alone.
        """
        return Change(self.document, without_entry(self.document, item))

    def answer(self, item: Item, *, spend: bool = False) -> Answer:
        """Ask upstream what an entry would match and cost.

        Args:
            item: The entry.
            spend: Whether to read what it costs where that takes pulls, which asking while somebody types must not.
        """
        return Answer() if self.offline else answer_of(item, self.around, self.file, self._root, spend=spend)

    def write(self, change: Change) -> None:
        """Write a change, unless the file says something else by now than what that was made of.

        Raises:
            CatalogueBusyError: Somebody else has changed it, or is writing it. It is as they left it.
            CatalogueError: It cannot be read now.
            OSError: It cannot be written.
        """
        if self.trouble:
            raise CatalogueError(self.trouble)
        if self._opened is None or change.before is not self._opened.document:
            raise CatalogueBusyError(f"{self.file.name} was changed by somebody else meanwhile; nothing was written: do it again")
        self._opened.save(change.after, dry_run=False)

    def undoing(self, *, redo: bool = False) -> list[str]:
        """Return what an undo or redo would change, as a diff.

        Raises:
            CatalogueError: There is nothing to undo.
        """
        store = Store(self.file)
        now, then = ((content or b"").decode(errors="replace") for content in store.last(redo=redo))
        return difference(now, then, self.file.name)

    def undo(self, *, redo: bool = False, force: bool = False) -> None:
        """Undo the last edit, or the last undo.

        Args:
            redo: Undo the last undo.
            force: Undo though the file was edited by hand since; `redo` brings that back.

        Raises:
            CatalogueError: There is nothing to undo.
            EditedByHandError: It was edited by hand since.
            OSError: It cannot be written.
        """
        Store(self.file).undo(redo=redo, force=force)

    def findings(self) -> Findings:
        """Check all entries, and look how they fared."""
        document = self.document
        every, by_entry = check(document, self.around), dict[int, list[Problem]]()
        for problem in every:
            for index in problem.entries:
                by_entry.setdefault(index, []).append(problem)
        return Findings(by_entry, [one for one in every if not one.entries], self._fared(document))

    def _fared(self, document: Document) -> dict[int, Record]:
        settings = mirror_of(self._root)
        if settings is None or not self.of_host or not isinstance(self._root, Path):
            return {}
        # A checkout's catalogue is edited without any of that.
        from ops.stack.stack import Stack  # noqa: PLC0415
        from ops.tasks.sync.state import MirrorStateError  # noqa: PLC0415
        from ops.tasks.sync.status import standing  # noqa: PLC0415

        try:
            found = standing(Stack(self._root), settings)
        except MirrorStateError:
            return {}  # `regops status` tells
        by_line = {item.line: item.index for item in document.entries}
        return {by_line[entry.line]: one for entry, one in found.entries if one and entry.line in by_line}

    @property
    def mirrors(self) -> bool:
        """Whether the mirror of this stack can be asked what it would do by this catalogue."""
        return mirror_of(self._root) is not None

    def plan(self) -> Planned:
        """Return what the next run of the mirror would do by this catalogue. Nothing changes.

        Raises:
            MirrorStateError: What is remembered cannot be read.
            ConfigError: A login cannot be read.
        """
        from ops.cli.sync_output import plan_rows, plan_summary  # noqa: PLC0415  # see `_fared`
        from ops.stack.stack import Stack  # noqa: PLC0415
        from ops.tasks.sync.mirror import entries_of, mirror_of  # noqa: PLC0415
        from ops.tasks.sync.planned import plan_all  # noqa: PLC0415

        assert isinstance(self._root, Path)  # noqa: S101  # it mirrors
        self._plans.append(threading.current_thread())
        with mirror_of(Stack(self._root)) as found:
            document = self.document
            entries = entries_of(document, found.settings)
            mirror = replace(found, document=document, entries=entries)
            plan = plan_all(mirror, entries)
            return Planned(plan_summary(plan, mirror.settings), plan_rows(plan))

    @property
    def asks(self) -> bool:
        """Whether a plan is still being made, whose threads Python would wait for."""
        return any(one.is_alive() for one in self._plans)
