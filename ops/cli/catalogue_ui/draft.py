"""An entry that somebody is writing: what it would change, what is wrong with it, and what others have changed meanwhile."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ops.catalogue.difference import difference
from ops.catalogue.document import Document, Item
from ops.catalogue.edits import with_changes, with_entries
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.patches import merged
from ops.catalogue.starter import entry_like
from ops.catalogue.wishes import Wishes, edit_patch, new_entry, problems_after
from ops.cli.catalogue_ui.fields import DIGEST_TAGS, KEEP, REFERRERS, SOURCE, TARGET, WHOLE, Fields, field_of

# Where in an entry something is, which its field says already.
_PATH = re.compile(r"^(?:tags|x-regops)\.[\w.]+: ")
_NO_NAME = "write it with this registry's name, such as registry.example.com/library/alpine"


@dataclass(frozen=True)
class Draft:
    """An entry that somebody is writing.

    Attributes:
        base: Its fields as the file has them; of a new entry, those that the form began with.
        now: And as they are now.
        item: The entry that is edited; None for a new one, and for one that somebody else has removed.
        like: What a new entry is like in all else: one of another catalogue, or what there was before it was removed.
        lost: Whether somebody else has removed the entry.
        theirs: Fields that both have changed, with what the file says now.
    """

    base: Fields = field(default_factory=Fields)
    now: Fields = field(default_factory=Fields)
    item: Item | None = None
    like: Item | None = None
    lost: bool = False
    theirs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def editing(cls, item: Item) -> Draft:
        """Return what somebody begins with who edits an entry."""
        fields = Fields.of(item)
        return cls(fields, fields, item)

    @classmethod
    def taking(cls, item: Item) -> Draft:
        """Return what somebody begins with who takes an entry of another catalogue: its target is of this registry."""
        fields = Fields.of(item)
        fields = replace(fields, target=fields.target.partition("/")[2])
        return cls(fields, fields, like=item)

    @property
    def is_new(self) -> bool:
        """Whether an entry is added."""
        return self.item is None

    @property
    def is_changed(self) -> bool:
        """Whether there is something that would be lost."""
        return bool(self.now.changed(self.base)) or self.lost

    def onto(self, document: Document) -> Draft:
        """Return the same draft on a file that somebody else has changed.

        Fields that were not touched become what the file says; of those that both have changed, this keeps what was typed.
        """
        if self.item is None:
            return self
        item = same_entry(document, self.item)
        if item is None:
            return replace(self, item=None, like=self.item, lost=True)
        theirs, touched = Fields.of(item), self.now.changed(self.base)
        kept = {name: getattr(self.now, name) for name in touched}
        both = {name: getattr(theirs, name) for name in theirs.changed(self.base) if name in touched}
        both = {name: value for name, value in {**self.theirs, **both}.items() if name in kept and value != kept[name]}
        return Draft(theirs, replace(theirs, **kept), item, theirs=both)


@dataclass(frozen=True)
class Change:
    """A change of a catalogue.

    Attributes:
        before: What it was made of: it may only be written over that.
        after: The catalogue with it.
    """

    before: Document
    after: Document

    @cached_property
    def lines(self) -> list[str]:
        """What changes, as a diff; none if nothing does."""
        return difference(self.before.text, self.after.text, self.after.name)


@dataclass(frozen=True)
class Preview:
    """What saving would do.

    Attributes:
        change: What it would change; None if it cannot be written so.
        item: The entry in the catalogue afterwards.
        problems: By field what would be wrong; such an entry is not saved.
        doubts: By field what is doubtful, or wrong already.
    """

    change: Change | None = None
    item: Item | None = None
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def may_be_saved(self) -> bool:
        """Whether there is something to save, and nothing wrong with it."""
        return bool(self.lines) and not self.problems

    @property
    def lines(self) -> list[str]:
        """What changes, as a diff."""
        return self.change.lines if self.change else []


def preview(document: Document, draft: Draft, around: Surroundings, registries: Collection[str]) -> Preview:
    """Return what saving a draft would do.

    Args:
        document: The catalogue.
        draft: The draft, of an entry of this document.
        around: What it is checked against.
        registries: What this registry is called, if that was said.
    """
    try:
        wishes = draft.now.wishes(draft.base)
    except CatalogueError as error:
        return Preview(problems={KEEP: (str(error),)})
    if draft.is_new and not draft.now.source.strip():
        return Preview()
    try:
        new, index = _written(document, draft, wishes, registries)
    except CatalogueError as error:
        where, told = _place(error)
        return Preview(problems={where: (told,)})
    item = new.entries[index]
    told_problems, told_doubts = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    made, left = problems_after(document, new, item, around)
    for problem in [*made, *left]:
        # What was wrong before is told, and holds up no edit.
        told_in, where = told_problems if problem.severe and problem not in left else told_doubts, field_of(problem, item)
        what = _PATH.sub("", problem.what) if where != WHOLE else problem.what
        told_in[where] = (*told_in.get(where, ()), f"{what}; {problem.remedy}")
    return Preview(Change(document, new), item, told_problems, told_doubts)


def same_entry(document: Document, item: Item) -> Item | None:
    """Return the entry of a document that is what another one was in an earlier state of it; None if it is not there any more."""
    named = [one for one in document.entries if all(one.text(key) == item.text(key) for key in (SOURCE, TARGET))]
    alike = [one for one in named if one.values == item.values] or named
    for key in (SOURCE, TARGET):  # the other one may have been changed, if that is all
        if not alike:
            alike = [one for one in document.entries if one.text(key) == item.text(key)]
            alike = alike if len(alike) == 1 else []
    return min(alike, key=lambda one: abs(one.index - item.index), default=None)


def _written(document: Document, draft: Draft, wishes: Wishes, registries: Collection[str]) -> tuple[Document, int]:
    if draft.item is not None:
        patch = edit_patch(document, draft.item, wishes, registries)
        return (with_changes(document, draft.item, patch) if patch else document), draft.item.index
    return with_entries(document, [_new(document, draft, wishes, registries)]), len(document.entries)


def _new(document: Document, draft: Draft, wishes: Wishes, registries: Collection[str]) -> dict[str, Any]:
    if draft.lost and draft.like:
        return merged(draft.like.values, edit_patch(document, draft.like, wishes, registries))
    if draft.like is None or draft.now.source != draft.base.source:
        every = replace(draft.now, source="").wishes(Fields())
        return new_entry(document, draft.now.source.strip(), every, registries)
    return entry_like(draft.like, document, wishes, registries)


def _place(error: CatalogueError) -> tuple[str, str]:
    """Return which field an error is about, and what it tells there."""
    told = str(error)
    for name, key in ((SOURCE, SOURCE), (DIGEST_TAGS, "digestTags"), (REFERRERS, REFERRERS)):
        if told.startswith(f"{key} "):
            return name, told.removeprefix(f"{key} ")
    if "--registry" in told:
        return TARGET, _NO_NAME
    return (TARGET if "--target" in told else WHOLE), told.partition(": --target")[0]
