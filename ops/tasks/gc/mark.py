"""What is garbage, marked conservatively: whatever may be referenced stays. Nobody waits for it: writes go on."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ops.registry.listing import Listing, written_at
from ops.registry.manifests import Reach
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from ops.tasks.gc.model import Rules

# The tag that holds the referrers of a manifest, and cosign's tags: https://github.com/opencontainers/distribution-spec
_REFERRERS_TAG = re.compile(r"(?P<algorithm>sha256|sha384|sha512)-(?P<encoded>[0-9a-f]{64,128})(?:\.[a-z0-9]+)?")


class Linked(Protocol):
    """What a repository has, at some moment."""

    @property
    def revisions(self) -> Collection[str]:
        """Digests of its manifests."""

    @property
    def layers(self) -> Collection[str]:
        """Digests of its blobs."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that nothing references.

    Attributes:
        entry: What it is; a tag's digest is filled in, and empty for what is left of one (`ops.registry.leftovers`).
        stamp: Of a link, to see whether it was written again (`ops.registry.listing.stamp_of`); 0 for a blob, which never is;
            for what is left of a tag, when something was last written there.
        size: Bytes of a blob; 0 for a link.
    """

    entry: Entry
    stamp: int
    size: int = 0


@dataclass(frozen=True)
class Referrer:
    """A signature or the like, which goes with the manifest that it belongs to: a tag, or a manifest without one.

    Attributes:
        repository: Its repository.
        tag: The tag; empty for a manifest that says itself what it belongs to.
        digest: What the tag points to, or the manifest itself.
        subject: The manifest that it belongs to.
    """

    repository: str
    tag: str
    digest: str
    subject: str


@dataclass(frozen=True)
class Marked:
    """What was found.

    Attributes:
        candidates: What may be deleted.
        listing: What the tree had.
        reach: What stays, as far as is known: everything that tags and rules reach.
        referrers: Those whose subject was in their repository, and is gone or may be deleted: they go with it.
        watched: Stamps of links to manifests whose content is missing: only these show that one was pushed again.
        unclear: What could not be read, by repository, with the reason; everything that it might reference stays.
        kept_by_rule: How many files a rule keeps.
    """

    candidates: Sequence[Candidate]
    listing: Listing
    reach: Reach
    referrers: Sequence[Referrer]
    watched: Mapping[Entry, int]
    unclear: tuple[str, ...]
    kept_by_rule: int


def mark(tree: RegistryTree, listing: Listing, *, rules: Rules, now: float, asked_for: Iterable[str] = ()) -> Marked:
    """Return what may be deleted.

    Args:
        tree: The tree, which may be in use.
        listing: What it had.
        rules: What is deleted.
        now: When it was listed, in seconds since 1970.
        asked_for: Digests of blobs that clients have lately been told are there.
    """
    marking = _Marking(tree, listing)
    marking.follow_tags(referrers_go=rules.orphaned_signatures)
    if not rules.delete_untagged:
        marking.keep_manifests()
    repositories = listing.repositories
    gone = staying_apart(marking.candidates(), marking.reach, marking.referrers, repositories)
    before = len(gone)
    _apply(rules, gone, marking.reach, now)
    marking.reach.blobs(asked_for)
    gone = staying_apart(gone, marking.reach, marking.referrers, repositories)
    kept_by_rule = before - len(gone)
    if marking.blind:
        gone = [one for one in gone if one.entry.kind != Kind.BLOB]
    top = str(tree.top)
    return Marked(
        candidates=[*(sized for one in gone if (sized := _sized(top, one))), *_leftovers(listing, now - rules.min_age_s)],
        listing=listing,
        reach=marking.reach,
        referrers=marking.referrers,
        watched=dict(_without_content(listing, {one.entry for one in gone})),
        unclear=(*marking.unclear, *_unreadable(marking.reach, listing)),
        kept_by_rule=kept_by_rule,
    )


@dataclass
class _Marking:
    """A listing while it is marked."""

    tree: RegistryTree
    listing: Listing
    referrers: list[Referrer] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reach = Reach(self.tree)
        self._manifests = frozenset(digest for links in self.listing.repositories.values() for digest in links.revisions)
        self._aside = set[tuple[str, str]]()
        # What is in a folder that cannot be listed may reference any blob; a file that cannot be read, any of its repository.
        self.blind = bool(self.listing.unlisted) or any(one.unlisted for one in self.listing.repositories.values())
        self.unclear += [f"all repositories: {why}" for why in self.listing.unlisted]
        for links in self.listing.repositories.values():
            self.reach.aliases |= links.aliases
        for name, links in self.listing.repositories.items():
            self.unclear += [f"{name}: {why}" for why in (*links.unreadable, *links.unlisted)]
            self.reach.blobs(links.others)
            if links.unreadable or links.unlisted:
                _keep_all(self.reach, links)

    def follow_tags(self, *, referrers_go: bool) -> None:
        """Reach what tags point to. Referrers of a manifest that was here are set aside, and followed if that manifest stays."""
        for name, links in self.listing.repositories.items():
            for tag, digest in links.pointed.items():
                # A tag whose manifest has just been deleted references nothing, to the registry too.
                if digest not in links.revisions:
                    continue
                match = _REFERRERS_TAG.fullmatch(tag)
                subject = f"{match['algorithm']}:{match['encoded']}" if match else ""
                if referrers_go and subject and self._was_here(name, subject):
                    self.referrers.append(Referrer(name, tag, digest, subject))
                    self._aside.add((name, tag))
                else:
                    self.reach.manifests([digest], having=self._manifests)
        self._follow_subjects(referrers_go=referrers_go)

    def _follow_subjects(self, *, referrers_go: bool) -> None:
        """Do the same with untagged manifests that name their subject themselves."""
        for name, links in self.listing.repositories.items():
            for digest in links.revisions.keys() - self.reach.digests:
                found = self.reach.references(digest)
                for subject in found.subject if found else ():
                    if referrers_go and self._was_here(name, subject):
                        self.referrers.append(Referrer(name, "", digest, subject))
                    else:
                        self.reach.manifests([digest], having=self._manifests)

    def keep_manifests(self) -> None:
        """Reach all manifests, tagged or not."""
        self.reach.manifests(self._manifests, having=self._manifests)

    def candidates(self) -> Iterator[Candidate]:
        """Yield what nothing reaches. Of tags only referrers that were set aside."""
        reached = self.reach.digests
        for name, links in self.listing.repositories.items():
            for (tag, digest), stamp in links.histories.items():
                if digest not in reached:
                    yield Candidate(Entry(Kind.TAG_HISTORY, digest, name, tag), stamp)
            for kind, found in ((Kind.REVISION, links.revisions), (Kind.LAYER, links.layers)):
                for digest, stamp in found.items():
                    if digest not in reached:
                        yield Candidate(Entry(kind, digest, name), stamp)
        for name, tag in self._aside:
            links = self.listing.repositories[name]
            yield Candidate(Entry(Kind.TAG, links.pointed[tag], name, tag), links.tags[tag])
        for digest in self.listing.blobs:
            if digest not in reached:
                yield Candidate(Entry(Kind.BLOB, digest), 0)

    def _was_here(self, repository: str, subject: str) -> bool:
        """Whether a repository has or had a manifest: the registry leaves the folder of one that it deletes."""
        return (
            subject in self.listing.repositories[repository].revisions or self.tree.revision(repository, subject).parent.is_dir()
        )


def staying_apart(
    candidates: Iterable[Candidate], reach: Reach, referrers: Sequence[Referrer], repositories: Mapping[str, Linked]
) -> list[Candidate]:
    """Return the candidates that nothing references. A referrer stays with its subject, and so does what it references.

    Args:
        candidates: What may be deleted.
        reach: What stays; grows by what kept referrers reference.
        referrers: Those that go with their subject.
        repositories: What each repository has now.
    """
    going = list(candidates)
    followed = set[str]()
    while True:
        for found in repositories.values() if reach.unreadable else ():
            if any(one in reach.unreadable for one in found.revisions):
                _keep_all(reach, found)
        going = [one for one in going if one.entry.digest not in reach.digests]
        manifests = {(one.entry.repository, one.entry.digest) for one in going if one.entry.kind == Kind.REVISION}
        back = {
            one.digest
            for one in referrers
            if one.repository in repositories
            and one.subject in repositories[one.repository].revisions
            and (one.repository, one.subject) not in manifests
        }
        if back <= followed:
            return going
        reach.manifests(back - followed)
        followed |= back


def _keep_all(reach: Reach, links: Linked) -> None:
    """Reach everything in a repository: something in it cannot be read, and may reference any of the rest."""
    reach.blobs(links.layers)
    reach.manifests(links.revisions)


def _unreadable(reach: Reach, listing: Listing) -> Sequence[str]:
    return [
        f"{name}: manifest {digest} cannot be read ({reach.unreadable[digest]})"
        for name, found in sorted(listing.repositories.items())
        for digest in sorted(found.revisions.keys() & reach.unreadable.keys())
    ]


def _without_content(listing: Listing, going: Collection[Entry]) -> Iterator[tuple[Entry, int]]:
    for name, links in listing.repositories.items():
        for digest, stamp in links.revisions.items():
            entry = Entry(Kind.REVISION, digest, name)
            if digest not in listing.blobs and entry not in going:
                yield entry, stamp


def _leftovers(listing: Listing, until: float) -> Iterator[Candidate]:
    """Yield what is left of tags, and was last written to before a time; nothing of a repository in which all is kept."""
    for name, links in listing.repositories.items():
        for tag, since in links.leftovers.items():
            if written_at(since) <= until and not links.unreadable and not links.unlisted:
                yield Candidate(Entry(Kind.TAG, "", name, tag), since)


def _sized(top: str, one: Candidate) -> Candidate | None:
    """Add the size of a blob; None for one that is an empty folder, as a crash leaves it."""
    if one.entry.kind != Kind.BLOB:
        return one
    try:
        return Candidate(one.entry, one.stamp, os.stat(f"{top}/{path_of(one.entry)}").st_size)  # noqa: PTH116
    except FileNotFoundError:
        return None


def _apply(rules: Rules, gone: Iterable[Candidate], reach: Reach, now: float) -> None:
    """Reach what rules keep, and everything that it references."""
    former: dict[tuple[str, str], set[str]] = {}
    for one in gone:
        if one.entry.kind == Kind.TAG_HISTORY:
            former.setdefault((one.entry.repository, one.entry.digest), set()).add(one.entry.tag)
    for one in gone:
        entry = one.entry
        young = entry.kind != Kind.BLOB and written_at(one.stamp) > now - rules.min_age_s
        if entry.kind == Kind.LAYER and young:
            reach.blobs([entry.digest])
        if entry.kind == Kind.REVISION:
            tags = frozenset(former.get((entry.repository, entry.digest), ()))
            young = young or any(rule.covers(entry.repository, tags) for rule in rules.keep)
            young = young or (entry.repository, entry.digest) in rules.pulled
        if entry.kind in {Kind.REVISION, Kind.TAG_HISTORY, Kind.TAG} and young:
            reach.manifests([entry.digest])
