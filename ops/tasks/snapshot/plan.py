"""What a restore would do: which files come back, which tags change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.registry.manifests import Reach, fetched
from ops.registry.snapshots.store import Snapshot
from ops.registry.tree import Entry, Kind, RegistryTree, entry_of
from ops.tasks.snapshot.model import Overwrite, RestoreError, RestorePlan, RestoreScope


def plan(live: RegistryTree, snapshot: Snapshot, scope: RestoreScope) -> RestorePlan:
    """Return what would be restored.

    Raises:
        RestoreError: The snapshot does not have it, or only parts of it.
        TreeError: A link or manifest of it is damaged.
    """
    then = snapshot.tree
    entries = {path: entry for path in _wanted(then, snapshot, scope) if (entry := entry_of(path)) is not None}
    files = sorted(entries, key=lambda path: (entries[path].kind, path))
    missing = [path for path in files if not (live.top / path).exists()]
    moved = [change for path in files if (change := _moved(live, then, entries[path])) is not None]
    return RestorePlan(
        snapshot=snapshot.name,
        scope=scope,
        files=tuple(files),
        missing=len(missing),
        size=sum((then.top / path).stat().st_size for path in missing if entries[path].kind == Kind.BLOB),
        tags=tuple(f"{entries[path].repository}:{entries[path].tag}" for path in missing if entries[path].kind == Kind.TAG),
        overwritten=tuple(moved) if scope.overwrite else (),
        differing=() if scope.overwrite else tuple(moved),
    )


def _wanted(then: RegistryTree, snapshot: Snapshot, scope: RestoreScope) -> Iterable[str]:
    if scope.tag and not scope.repository:
        raise RestoreError("a tag belongs to a repository: name both, as REPOSITORY:TAG")
    if scope.repository and not then.repository(scope.repository).is_dir():
        raise RestoreError(f"snapshot {snapshot.name} has no repository {scope.repository}")
    if scope.tag:
        chosen = _of_tag(then, snapshot, scope.repository, scope.tag)
    elif scope.repository:
        chosen = _of_repository(then, scope.repository)
    else:
        chosen = then.files()
    if not scope.only_removed:
        return chosen
    removed = set(snapshot.removed())
    return [path for path in chosen if path in removed]


def _of_repository(then: RegistryTree, repository: str) -> Iterator[str]:
    """Yield all links of a repository, and the blobs that they point to. Repositories below its name are not part of it."""
    areas = [then.repository(repository) / name for name in ("_layers", "_manifests")]
    paths = [file.relative_to(then.top).as_posix() for area in areas for file in area.rglob("link")]
    yield from paths
    digests = {entry.digest for path in paths if (entry := entry_of(path)) is not None and entry.digest}
    yield from _blobs(then, digests)


def _of_tag(then: RegistryTree, snapshot: Snapshot, repository: str, tag: str) -> Iterator[str]:
    """Yield a tag's link, and everything that it references."""
    digest = then.tagged(repository, tag)
    if digest is None:
        raise RestoreError(f"snapshot {snapshot.name} has no {repository}:{tag}")
    image = fetched(then, digest)
    aliases = {one: then.stored_as(repository, one) for one in image.digests}
    if any(not then.blob(aliases[one]).exists() for one in image.digests - image.elsewhere):
        raise RestoreError(f"snapshot {snapshot.name} has only parts of {repository}:{tag}; use an older snapshot, or a backup")
    history = then.tag(repository, tag).parent.parent / "index" / digest.replace(":", "/") / "link"
    reach = Reach([then], aliases=aliases)
    reach.manifests([digest])
    revisions = [then.revision(repository, one) for one in reach.digests]
    layers = [then.layer(repository, one) for one in reach.digests]
    links = [then.tag(repository, tag), history, *revisions, *layers]
    yield from (link.relative_to(then.top).as_posix() for link in links if link.exists())
    yield from _blobs(then, reach.digests)


def _blobs(then: RegistryTree, digests: Iterable[str]) -> Iterator[str]:
    files = (then.blob(digest) for digest in digests)
    return (file.relative_to(then.top).as_posix() for file in files if file.exists())


def _moved(live: RegistryTree, then: RegistryTree, entry: Entry) -> Overwrite | None:
    """Return how a tag differs from the snapshot; None when it does not, when it is missing, or for anything but a tag."""
    if entry.kind != Kind.TAG:
        return None
    now, before = (tree.tagged(entry.repository, entry.tag) for tree in (live, then))
    if now is None or before is None or now == before:
        return None
    return Overwrite(entry.repository, entry.tag, now, before)
