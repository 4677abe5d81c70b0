"""The first phase: what is garbage in a copy, marked conservatively. Whatever may be referenced stays; writes go on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.registry.manifests import Reach
from ops.registry.tree import Entry, Kind, RegistryTree, TreeError, entry_of, linked_by
from ops.tasks.gc.listing import Links, links_in_copy
from ops.tasks.gc.model import Rules

# The tag that holds the referrers of a manifest, and cosign's tags: https://github.com/opencontainers/distribution-spec
_REFERRERS_TAG = re.compile(r"(?P<algorithm>sha256|sha384|sha512)-(?P<encoded>[0-9a-f]{64,128})(?:\.[a-z0-9]+)?")


@dataclass(frozen=True)
class Candidate:
    """A file of the copy that nothing references.

    Attributes:
        path: Its path below the tree's version folder.
        entry: What it is; a tag's digest is filled in.
        inode: Its inode: if the live tree's is another one, the file was written since.
        size: Bytes.
        written: When it was written, in seconds since 1970.
    """

    path: str
    entry: Entry
    inode: int
    size: int
    written: float


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
    """What the first phase found.

    Attributes:
        candidates: What may be deleted.
        links: The links of the copy.
        reach: What stays, as far as is known: everything that the copy's tags and the rules reach.
        referrers: Those whose subject was in their repository, and is gone or may be deleted: they go with it.
        watched: Inodes by path of links to manifests whose content the copy lacks: only these show that one was pushed again.
        unclear: What could not be read, by repository, with the reason; everything in that repository stays.
        kept_by_rule: How many files a rule keeps.
        all_blobs: How many blobs the copy has.
    """

    candidates: Sequence[Candidate]
    links: Mapping[str, Links]
    reach: Reach
    referrers: Sequence[Referrer]
    watched: Mapping[str, int]
    unclear: tuple[str, ...]
    kept_by_rule: int
    all_blobs: int


def mark(live: RegistryTree, kept: RegistryTree, *, rules: Rules, made_at: float) -> Marked:
    """Return what may be deleted.

    Args:
        live: The live tree.
        kept: The copy of it, which stays as it is.
        rules: What is deleted.
        made_at: When the copy was made, in seconds since 1970.
    """
    paths = list(kept.files())
    files = {path: entry for path in paths if (entry := entry_of(path)) is not None}
    marking = _Marking(live, kept, links_in_copy(kept, files))
    marking.reach.blobs(digest for path in paths if path not in files and (digest := linked_by(path)))
    marking.follow_tags(referrers_go=rules.orphaned_signatures)
    if not rules.delete_untagged:
        marking.keep_manifests()
    gone = [_candidate(kept, path, entry) for path, entry in files.items() if marking.may_go(entry)]
    gone = staying_apart(gone, marking.reach, marking.referrers, marking.links)
    before = len(gone)
    _apply(rules, gone, marking.reach, made_at)
    gone = staying_apart(gone, marking.reach, marking.referrers, marking.links)
    blobs = {entry.digest for entry in files.values() if entry.kind == Kind.BLOB}
    going = {one.path for one in gone}
    staying = {path: one for path, one in files.items() if one.kind == Kind.REVISION and path not in going}
    return Marked(
        candidates=gone,
        links=marking.links,
        reach=marking.reach,
        referrers=marking.referrers,
        watched={path: os.stat(kept.top / path).st_ino for path, one in staying.items() if one.digest not in blobs},  # noqa: PTH116
        unclear=(*marking.unclear, *_unreadable(marking.reach, marking.links)),
        kept_by_rule=before - len(gone),
        all_blobs=len(blobs),
    )


@dataclass
class _Marking:
    """A copy while it is marked."""

    live: RegistryTree
    kept: RegistryTree
    links: Mapping[str, Links]
    referrers: list[Referrer] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The copy also has what has just been deleted from the live tree, and the live tree has what came since.
        self.reach = Reach([self.live, self.kept])
        self._manifests = frozenset(digest for links in self.links.values() for digest in links.revisions)
        self._aside = set[tuple[str, str]]()

        for name, links in self.links.items():
            for digest in links.layers:
                if not digest.startswith("sha256:"):
                    self._learn_alias(name, digest)

    def _learn_alias(self, repository: str, digest: str) -> None:
        try:
            self.reach.aliases[digest] = self.kept.stored_as(repository, digest)
        except (TreeError, OSError) as error:
            self._keep(repository, f"layer {digest} cannot be read ({error})")

    def follow_tags(self, *, referrers_go: bool) -> None:
        """Reach what tags point to. Referrers of a manifest that was here are set aside, and followed if that manifest stays."""
        for name, links in self.links.items():
            for tag in links.tags:
                digest = self._tagged(name, tag)
                # A tag whose manifest was deleted while the copy was made references nothing, to the registry too.
                if digest is None or digest not in links.revisions:
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
        for name, links in self.links.items():
            for digest in links.revisions - self.reach.digests:
                found = self.reach.references(digest)
                for subject in found.subject if found else ():
                    if referrers_go and self._was_here(name, subject):
                        self.referrers.append(Referrer(name, "", digest, subject))
                    else:
                        self.reach.manifests([digest], having=self._manifests)

    def keep_manifests(self) -> None:
        """Reach all manifests, tagged or not."""
        self.reach.manifests(self._manifests, having=self._manifests)

    def may_go(self, entry: Entry) -> bool:
        """Whether nothing reaches a file. A tag may be deleted only if it is a referrer that was set aside."""
        if entry.kind == Kind.TAG:
            return (entry.repository, entry.tag) in self._aside
        return entry.digest not in self.reach.digests

    def _was_here(self, repository: str, subject: str) -> bool:
        """Whether a repository has or had a manifest: the registry leaves the folder of one that it deletes."""
        return subject in self.links[repository].revisions or self.live.revision(repository, subject).parent.is_dir()

    def _tagged(self, repository: str, tag: str) -> str | None:
        try:
            return self.kept.tagged(repository, tag)
        except (TreeError, OSError) as error:
            self._keep(repository, f"tag {tag} cannot be read ({error})")
            return None

    def _keep(self, repository: str, why: str) -> None:
        """Reach everything in a repository, since what cannot be read may reference any of it."""
        self.unclear.append(f"{repository}: {why}")
        _keep_all(self.reach, self.links[repository])


def staying_apart(
    candidates: Iterable[Candidate], reach: Reach, referrers: Sequence[Referrer], links: Mapping[str, Links]
) -> list[Candidate]:
    """Return the candidates that nothing references. A referrer stays with its subject, and so does what it references.

    Args:
        candidates: What may be deleted.
        reach: What stays; grows by what kept referrers reference.
        referrers: Those that go with their subject.
        links: The links of the tree that is looked at.
    """
    going = list(candidates)
    followed = set[str]()
    while True:
        for found in links.values() if reach.unreadable else ():
            if not found.revisions.isdisjoint(reach.unreadable):
                _keep_all(reach, found)
        going = [one for one in going if one.entry.digest not in reach.digests]
        manifests = {(one.entry.repository, one.entry.digest) for one in going if one.entry.kind == Kind.REVISION}
        back = {
            one.digest
            for one in referrers
            if one.subject in links.get(one.repository, Links()).revisions and (one.repository, one.subject) not in manifests
        }
        if back <= followed:
            return going
        reach.manifests(back - followed)
        followed |= back


def _keep_all(reach: Reach, links: Links) -> None:
    """Reach everything in a repository: something in it cannot be read, and may reference any of the rest."""
    reach.blobs(links.layers)
    reach.manifests(links.revisions)


def _unreadable(reach: Reach, links: Mapping[str, Links]) -> Sequence[str]:
    return [
        f"{name}: manifest {digest} cannot be read ({reach.unreadable[digest]})"
        for name, found in sorted(links.items())
        for digest in sorted(found.revisions & reach.unreadable.keys())
    ]


def _candidate(tree: RegistryTree, path: str, entry: Entry) -> Candidate:
    found = os.stat(tree.top / path)  # noqa: PTH116
    if entry.kind == Kind.TAG:
        entry = Entry(entry.kind, tree.tagged(entry.repository, entry.tag) or "", entry.repository, entry.tag)
    return Candidate(path, entry, found.st_ino, found.st_size, found.st_mtime)


def _apply(rules: Rules, gone: Iterable[Candidate], reach: Reach, made_at: float) -> None:
    """Reach what rules keep, and everything that it references."""
    former: dict[tuple[str, str], set[str]] = {}
    for one in gone:
        if one.entry.kind == Kind.TAG_HISTORY:
            former.setdefault((one.entry.repository, one.entry.digest), set()).add(one.entry.tag)
    for one in gone:
        entry = one.entry
        young = entry.kind != Kind.BLOB and one.written > made_at - rules.min_age_s
        if entry.kind == Kind.LAYER and young:
            reach.blobs([entry.digest])
        if entry.kind == Kind.REVISION:
            tags = frozenset(former.get((entry.repository, entry.digest), ()))
            young = young or any(rule.covers(entry.repository, tags) for rule in rules.keep)
        if entry.kind in {Kind.REVISION, Kind.TAG_HISTORY, Kind.TAG} and young:
            reach.manifests([entry.digest])
