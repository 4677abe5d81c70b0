"""Removes what was marked from the live tree, one slice after the other, except what something written since references."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from ops.registry.leftovers import left_since
from ops.registry.listing import stamp_of
from ops.registry.snapshots.removed import Removed
from ops.registry.snapshots.trash import Trash, remove
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from ops.tasks.gc.mark import Candidate, Marked, staying_apart
from ops.tasks.gc.written import Watch

# How often a slice looks at the clock, and the hook of tests is called.
_EVERY = 100


@dataclass
class Sweep:
    """A sweep that is under way.

    Attributes:
        tree: The live tree.
        marked: What may be deleted.
        asked_for: Returns the digests of blobs that clients have lately been told are there.
        left: What is still to be removed; the last comes first: pointers before what they point to.
        gone: What was removed so far.
        recent: What the last slice removed.
        kept_again: Files that stay, because they were pushed again or something that was pushed references them.
    """

    tree: RegistryTree
    marked: Marked
    asked_for: Callable[[], Collection[str]]
    left: list[Candidate] = field(init=False)
    gone: list[Candidate] = field(init=False, default_factory=list)
    recent: list[Candidate] = field(init=False, default_factory=list)
    kept_again: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._watch = Watch(self.tree, self.marked.listing)
        self._reached = -1
        # Taken from the end.
        self.left = sorted(self.marked.candidates, key=lambda one: (one.entry.kind, one.entry.repository))

    def look(self) -> list[Removed]:
        """Find what was written since, and keep whatever it references. Costs little when little was written.

        Returns:
            What was removed already and has to be put back.
        """
        written = self._watch.look()
        reach, top = self.marked.reach, str(self.tree.top)
        reach.aliases |= written.aliases
        reach.blobs(written.blobs)
        reach.blobs(self.asked_for())
        reach.manifests(written.manifests)
        for entry, stamp in self.marked.watched.items():
            if stamp_of(f"{top}/{path_of(entry)}") not in {None, stamp}:
                reach.manifests([entry.digest])
        if len(reach.digests) == self._reached and not reach.unreadable:
            return []
        staying_apart([*self.left, *self.gone], reach, self.marked.referrers, written.repositories)
        self._reached = len(reach.digests)
        needed = [one for one in self.gone if one.entry.digest in reach.digests and one.entry.kind != Kind.TAG_HISTORY]
        if needed:
            back = set(needed)
            self.gone = [one for one in self.gone if one not in back]
        self._keep_reached(len(needed))
        return self.records(needed)

    def one_slice(self, trash: Trash, seconds: float, keep_going: Callable[[], None]) -> None:
        """Remove some of what is left, as far as it is unchanged. Call `look` before, with writes held.

        Args:
            trash: Where blobs go.
            seconds: How long this may take.
            keep_going: Called now and then; raises when writes may get through.
        """
        until, self.recent = time.monotonic() + seconds, []
        while self.left and time.monotonic() < until:
            keep_going()
            if self._written_again(self.left[-_EVERY:]):
                self._keep_reached()
                self._reached = -1
                continue
            for one in reversed(self.left[-_EVERY:]):
                if self._still_left(one) and remove(self.tree, one.entry, trash):
                    self.gone.append(one)
            self.recent += self.left[-_EVERY:]
            del self.left[-_EVERY:]

    def records(self, candidates: Sequence[Candidate]) -> list[Removed]:
        """Return the record of candidates, with which they can be put back. The history of a tag goes with its folder."""
        tags: dict[str, set[str]] = {}
        for one in candidates:
            if one.entry.kind == Kind.TAG:
                tags.setdefault(one.entry.repository, set()).add(one.entry.tag)
        histories = {
            Entry(Kind.TAG_HISTORY, digest, name, tag)
            for name, gone in tags.items()
            for tag, digest in self.marked.listing.repositories[name].histories
            if tag in gone
        }
        # What is left of a tag points nowhere: only its history can be noted.
        entries = histories | {one.entry for one in candidates if one.entry.digest}
        return [Removed(entry, self._content(entry)) for entry in sorted(entries, key=lambda entry: entry.kind)]

    def _content(self, entry: Entry) -> str:
        if entry.kind == Kind.BLOB:
            return ""
        return self.marked.reach.aliases.get(entry.digest, entry.digest) if entry.kind == Kind.LAYER else entry.digest

    def _still_left(self, one: Candidate) -> bool:
        """Whether what is left of a tag is as it was marked, and not a tag that is being pushed again; true of all else."""
        entry = one.entry
        return bool(entry.digest) or left_since(str(self.tree.tag_folder(entry.repository, entry.tag))) == one.stamp

    def _written_again(self, candidates: Sequence[Candidate]) -> bool:
        """Keep what links reference that were written again since they were listed; return whether there are any."""
        reach, top, found = self.marked.reach, str(self.tree.top), False
        for one in candidates:
            entry = one.entry
            if entry.kind == Kind.BLOB or not entry.digest or stamp_of(f"{top}/{path_of(entry)}") in {None, one.stamp}:
                continue
            found = True
            reach.blobs([entry.digest])
            if entry.kind != Kind.LAYER:
                reach.manifests([entry.digest])
        return found

    def _keep_reached(self, more: int = 0) -> None:
        before = len(self.left)
        self.left = [one for one in self.left if one.entry.digest not in self.marked.reach.digests]
        self.kept_again += before - len(self.left) + more
