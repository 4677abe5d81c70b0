"""What a collection would delete, summed up from what was marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ops.registry.tree import Kind
from ops.tasks.gc.mark import Candidate, Marked
from ops.tasks.gc.model import Plan, RepositoryShare


def plan_of(marked: Marked, seconds: Mapping[str, float]) -> Plan:
    """Return what would be deleted, from what was marked."""
    by_kind = {kind: [one for one in marked.candidates if one.entry.kind == kind] for kind in Kind}
    sizes = {one.entry.digest: one.size for one in by_kind[Kind.BLOB]}
    by_repository: dict[str, list[Candidate]] = {}
    for one in marked.candidates:
        by_repository.setdefault(one.entry.repository, []).append(one)
    by_repository.pop("", None)  # blobs belong to no repository
    shares = [_share(name, files, sizes) for name, files in by_repository.items()]
    return Plan(
        blobs=len(sizes),
        all_blobs=len(marked.listing.blobs),
        size=sum(sizes.values()),
        manifests=len(by_kind[Kind.REVISION]),
        tags=tuple(sorted(_named(one) for one in by_kind[Kind.TAG] if one.entry.digest)),
        leftovers=tuple(sorted(_named(one) for one in by_kind[Kind.TAG] if not one.entry.digest)),
        repositories=tuple(sorted(shares, key=lambda one: (-one.size, one.name))),
        files=len(marked.candidates),
        kept_by_rule=marked.kept_by_rule,
        unclear=marked.unclear,
        seconds=dict(seconds),
    )


def _named(one: Candidate) -> str:
    return f"{one.entry.repository}:{one.entry.tag}"


def _share(name: str, files: Sequence[Candidate], sizes: Mapping[str, int]) -> RepositoryShare:
    kinds = Counter(one.entry.kind for one in files)
    size = sum(sizes.get(digest, 0) for digest in {one.entry.digest for one in files})
    return RepositoryShare(name, manifests=kinds[Kind.REVISION], layers=kinds[Kind.LAYER], tags=kinds[Kind.TAG], size=size)
