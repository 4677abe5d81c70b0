"""The first phase: what the registry's own collector deletes from a copy, minus what rules keep. Writes go on."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.registry.manifests import Reach
from ops.registry.snapshots.hardlinks import Linker, copy_tree
from ops.registry.tree import Entry, Kind, RegistryTree, entry_of
from ops.tasks.gc.collector import Collector
from ops.tasks.gc.listing import Links, links_in_copy
from ops.tasks.gc.model import Rules

# The tag that holds the referrers of a manifest, and cosign's tags: https://github.com/opencontainers/distribution-spec
_SIGNATURE = re.compile(r"sha256-(?P<hex>[0-9a-f]{64})(?:\.[a-z]+)?")


@dataclass(frozen=True)
class Candidate:
    """A file that the collector deleted from the copy.

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
class Signature:
    """A tag that belongs to a manifest that its repository no longer has.

    Attributes:
        repository: Its repository.
        tag: The tag.
        digest: The digest that it points to.
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
        signatures: Orphaned ones, which may be deleted.
        watched: Inodes by path of links to manifests whose content the copy lacks: only these show that one was pushed again.
        lost: Digests that the collector would delete although a tag references them.
        kept_by_rule: How many files a rule keeps.
        all_blobs: How many blobs the copy has.
    """

    candidates: Sequence[Candidate]
    links: Mapping[str, Links]
    reach: Reach
    signatures: Sequence[Signature]
    watched: Mapping[str, int]
    lost: frozenset[str]
    kept_by_rule: int
    all_blobs: int


@dataclass
class _Copy:
    """A copy, and what its files are."""

    tree: RegistryTree
    files: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.tree.files():
            entry = entry_of(path)
            if entry is not None:
                self.files[path] = entry


def mark(
    live: RegistryTree,
    kept: RegistryTree,
    scratch: RegistryTree,
    *,
    linker: Linker,
    collect: Collector,
    rules: Rules,
    made_at: float,
) -> Marked:
    """Return what may be deleted.

    Args:
        live: The live tree.
        kept: The copy of it, which stays as it is.
        scratch: Where the collector works, on a copy of the copy; its root is created.
        linker: Creates that.
        collect: The registry's collector.
        rules: What is deleted.
        made_at: When the copy was made, in seconds since 1970.

    Raises:
        CollectorError: The collector failed.
        TreeError: A tag or manifest cannot be understood.
        SnapshotError: There is no room.
    """
    copy = _Copy(kept)
    links = links_in_copy(kept, copy.files)
    copy_tree(kept, scratch, linker)
    signatures = _collect(scratch, collect, rules, links)
    left = set(scratch.files())
    gone = [_candidate(kept, path, entry) for path, entry in copy.files.items() if path not in left]
    blobs_gone = {one.entry.digest for one in gone if one.entry.kind == Kind.BLOB}
    # The collector ignores the links of a repository that never had a manifest, but deletes their blobs.
    layers = [(path, entry) for path, entry in copy.files.items() if entry.kind == Kind.LAYER and path in left]
    gone += [_candidate(kept, path, entry) for path, entry in layers if entry.digest in blobs_gone]

    going = {(one.repository, one.tag) for one in signatures}
    # The copy also has what has just been deleted from the live tree, and the live tree has what came since.
    reach = Reach([live, kept])
    for name, found in links.items():
        tags = (kept.tagged(name, tag) for tag in found.tags if (name, tag) not in going)
        # A tag whose manifest was deleted while the copy was made references nothing, to the collector too.
        reach.manifests((digest for digest in tags if digest in found.revisions), having=found.revisions)
    lost = frozenset(blobs_gone & reach.digests)
    gone = staying_apart(gone, reach, signatures, links)
    before = len(gone)
    revisions = {path: entry for path, entry in copy.files.items() if entry.kind == Kind.REVISION and path in left}
    for entry in revisions.values():
        reach.manifests([entry.digest], having=links[entry.repository].revisions)
    _apply(rules, gone, reach, made_at)
    gone = staying_apart(gone, reach, signatures, links)
    blobs = {entry.digest for entry in copy.files.values() if entry.kind == Kind.BLOB}
    return Marked(
        candidates=gone,
        links=links,
        reach=reach,
        signatures=signatures,
        watched={path: os.stat(kept.top / path).st_ino for path, entry in revisions.items() if entry.digest not in blobs},  # noqa: PTH116
        lost=lost,
        kept_by_rule=before - len(gone),
        all_blobs=len(blobs),
    )


def staying_apart(
    candidates: Iterable[Candidate], reach: Reach, signatures: Sequence[Signature], links: Mapping[str, Links]
) -> list[Candidate]:
    """Return the candidates that nothing references. A signature stays with what it signs, and so does what it references.

    Args:
        candidates: What may be deleted.
        reach: What stays; what kept signatures reference is added.
        signatures: Orphaned ones.
        links: The links of the tree in question.
    """
    going = list(candidates)
    followed = set[str]()
    while True:
        going = [one for one in going if one.entry.digest not in reach.digests]
        manifests = {(one.entry.repository, one.entry.digest) for one in going if one.entry.kind == Kind.REVISION}
        back = {
            one.digest
            for one in signatures
            if one.subject in links.get(one.repository, Links()).revisions and (one.repository, one.subject) not in manifests
        }
        if back <= followed:
            return going
        reach.manifests(back - followed)
        followed |= back


def _collect(scratch: RegistryTree, collect: Collector, rules: Rules, links: Mapping[str, Links]) -> list[Signature]:
    """Run the collector until there are no orphaned signatures left."""
    found: list[Signature] = []
    collected = False
    while True:
        orphaned = _orphaned(scratch, links) if rules.orphaned_signatures else []
        if collected and not orphaned:
            return found
        for one in orphaned:
            shutil.rmtree(scratch.tag(one.repository, one.tag).parent.parent)
        found += orphaned
        collect(scratch.root, delete_untagged=rules.delete_untagged)
        collected = True


def _orphaned(tree: RegistryTree, links: Mapping[str, Links]) -> list[Signature]:
    found = []
    for name, known in links.items():
        for tag in known.tags:
            match = _SIGNATURE.fullmatch(tag)
            digest = tree.tagged(name, tag) if match else None
            if match and digest and not tree.revision(name, f"sha256:{match['hex']}").exists():
                found.append(Signature(name, tag, digest, f"sha256:{match['hex']}"))
    return found


def _candidate(tree: RegistryTree, path: str, entry: Entry) -> Candidate:
    found = os.stat(tree.top / path)  # noqa: PTH116
    if entry.kind == Kind.TAG:
        entry = Entry(entry.kind, tree.tagged(entry.repository, entry.tag) or "", entry.repository, entry.tag)
    return Candidate(path, entry, found.st_ino, found.st_size, found.st_mtime)


def _apply(rules: Rules, gone: Iterable[Candidate], reach: Reach, made_at: float) -> None:
    """Add what rules keep, and all that it references, to what stays."""
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


def root_of(folder: Path) -> RegistryTree:
    """Return the tree that the collector works on, in a scratch folder; its configuration is beside it."""
    return RegistryTree(folder / "root")
