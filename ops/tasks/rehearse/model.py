"""The model of a rehearsal: what a registry has to have, known from what it has acknowledged and from nothing on its disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ops.tasks.rehearse.images import Shape

# A repository, and a tag or a digest in it.
Place = tuple[str, str]


@dataclass(frozen=True)
class Moment:
    """What there was at a moment that can be gone back to.

    Attributes:
        tags: What each tag pointed to.
        manifests: The manifests that were there for sure.
        garbage: Those that nothing referenced, and those that may have been there.
        maybe: Those of them that may have been there or not.
        removed: Those that the garbage collection removed that a snapshot was made for.
    """

    tags: Mapping[Place, str]
    manifests: frozenset[Place]
    garbage: frozenset[Place]
    maybe: frozenset[Place] = frozenset()
    removed: frozenset[Place] = frozenset()


@dataclass
class Model:
    """What a registry has to have.

    Attributes:
        shapes: What each manifest leads to, by its digest.
        tags: What each tag points to.
        manifests: The manifests that are there, tagged or not.
        maybe: Manifests that may be there or not, as a collection was killed while it removed them.
        ever: Every manifest that was ever there: one that is not there now must not be served.
        half: Tags of which a push was not acknowledged, and that may be listed, though not served, until garbage is collected.
        loose: Blobs that were pushed without a manifest.
        snapshots: By name.
        backups: By the id of each.
        upstream: What each tag of the registry points to that is mirrored from.
        cached: Whether the registry has a cache, which believes of what a killed collection has removed that it is there.
        unsure: Manifests that were pushed meanwhile, of which blobs may be away until something rolls it back.
        interrupted: Whether a collection was killed that nothing has rolled back yet.
    """

    shapes: dict[str, Shape] = field(default_factory=dict)
    tags: dict[Place, str] = field(default_factory=dict)
    manifests: set[Place] = field(default_factory=set)
    maybe: set[Place] = field(default_factory=set)
    ever: set[Place] = field(default_factory=set)
    half: set[Place] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    snapshots: dict[str, Moment] = field(default_factory=dict)
    backups: dict[str, Moment] = field(default_factory=dict)
    upstream: dict[Place, str] = field(default_factory=dict)
    cached: bool = False
    unsure: set[str] = field(default_factory=set)
    interrupted: bool = False
    # Where the registry shows that a manifest was once there: what it deletes itself leaves a folder, a collection leaves none.
    _was_here: set[Place] = field(default_factory=set)
    _recorded: set[Place] = field(default_factory=set)
    _deleted_since: set[Place] = field(default_factory=set)

    def family(self, digest: str) -> set[str]:
        """Return a manifest and those that it leads to, as far as they are known."""
        found, pending = set[str](), [digest]
        while pending:
            one = pending.pop()
            if one not in found:
                found.add(one)
                pending += [child for child in self._shape(one).children if child in self.shapes]
        return found

    def pushed(self, repository: str, digest: str, tag: str = "") -> None:
        """Note an acknowledged push of a manifest and all that it leads to."""
        self.there((repository, one) for one in self.family(digest))
        if self.interrupted and self.cached:
            self.unsure |= self.family(digest)
        if tag:
            self.tags[repository, tag] = digest
            self.half.discard((repository, tag))

    def there(self, places: Iterable[Place]) -> None:
        """Note manifests that are there."""
        found = set(places)
        self.manifests |= found
        self.ever |= found
        self._was_here |= found
        self.maybe -= found

    def untagged(self, repository: str, tag: str) -> None:
        """Note that a tag was deleted: its manifest stays until garbage is collected."""
        del self.tags[repository, tag]

    def deleted(self, repository: str, digest: str) -> None:
        """Note that a manifest was deleted, and with it all tags that pointed to it."""
        place = repository, digest
        self.manifests.discard(place)
        self.tags = {one: now for one, now in self.tags.items() if (one[0], now) != place}
        if place in self._recorded:  # a collection that was killed may have it in its record, and puts that back
            self.maybe.add(place)
            self._deleted_since.add(place)

    def reached(self) -> set[str]:
        """Return every manifest that a tag leads to, in any repository, and what belongs to those or to what never was here."""
        found = {one for digest in self.tags.values() for one in self.family(digest)}
        having = self.manifests | self.maybe

        def stays(repository: str, subject: str) -> bool:
            return subject in found if (place := (repository, subject)) in having else place not in self._was_here

        belonging = {place: subject for place in having if (subject := self._shape(place[1]).subject)}
        while more := {place[1] for place, subject in belonging.items() if place[1] not in found and stays(place[0], subject)}:
            found |= {child for one in more for child in self.family(one)}
        return found

    def garbage(self) -> set[Place]:
        """Return the manifests that a collection has to remove."""
        reached = self.reached()
        return {one for one in self.manifests | self.maybe if one[1] not in reached}

    def collect(self, before: Moment, snapshot: str) -> None:
        """Note that a collection has ended. What has become garbage only while it ran is for the next one.

        Args:
            before: What there was when it began.
            snapshot: The name of its snapshot; empty if it has removed nothing.
        """
        gone = self.garbage() & before.garbage
        self.manifests -= gone
        self.maybe -= gone
        self._was_here -= gone
        self.loose.clear()
        self.half.clear()
        if snapshot:
            self.snapshots[snapshot] = replace(before, removed=frozenset(gone & before.manifests))

    def interrupt(self) -> None:
        """Note that a collection was killed: its garbage may be there or not until something rolls it back."""
        self.roll_back()
        self.interrupted, self._recorded = True, self.garbage()
        self.maybe |= self._recorded
        self._deleted_since = self._recorded - self.manifests
        self.manifests -= self._recorded

    def roll_back(self) -> None:
        """Note that whatever a killed collection had removed is back."""
        if self.interrupted:
            self.there(self.maybe - self._deleted_since)
            self.interrupted = False
            self.unsure.clear()
            self._recorded.clear()
            self._deleted_since.clear()

    def moment(self) -> Moment:
        """Return what there is now."""
        return Moment(dict(self.tags), frozenset(self.manifests), frozenset(self.garbage()), frozenset(self.maybe))

    def restore(self, then: Moment, *, repository: str = "", tag: str = "") -> None:
        """Note that all of a moment, a repository of it, or one tag has come back, and tags were set back."""
        if tag:
            digest = then.tags[repository, tag]
            self.there({(repository, one) for one in self.family(digest)} & then.manifests)
            self.tags[repository, tag] = digest
            return
        self.there(one for one in then.manifests if repository in {"", one[0]})
        self.maybe |= {one for one in then.maybe - self.manifests if repository in {"", one[0]}}
        self.tags |= {one: digest for one, digest in then.tags.items() if repository in {"", one[0]}}

    def undo(self, then: Moment) -> None:
        """Note that what a collection has removed has come back."""
        self.there(then.removed)
        self.maybe |= then.maybe - self.manifests

    def is_whole(self, place: Place) -> bool:
        """Whether all that a manifest leads to is there for sure: what an undo brings back may have lost a child by a delete."""
        family = self.family(place[1])
        return family.isdisjoint(self.unsure) and {(place[0], one) for one in family} <= self.manifests

    def whole_tags(self) -> list[Place]:
        """Return the tags of which all is there for sure."""
        return sorted((name, tag) for (name, tag), digest in self.tags.items() if self.is_whole((name, digest)))

    def blobs(self) -> set[str]:
        """Return the digests of all blobs, manifests included, that have to be there."""
        digests = {digest for _, digest in self.manifests}
        return digests | {blob for one in digests for blob in self._shape(one).blobs}

    def known(self) -> set[str]:
        """Return the digests of everything that was ever pushed."""
        return {*self.shapes, *self.loose, *(blob for one in self.shapes.values() for blob in one.blobs)}

    def repositories(self) -> list[str]:
        """Return the names of all repositories that there ever were."""
        return sorted({name for name, _ in self.ever})

    def _shape(self, digest: str) -> Shape:
        return self.shapes.get(digest, Shape())
