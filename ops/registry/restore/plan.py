"""What a restore would do: which files come back, which tags change, what can no longer be had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.registry.expected import unexpected
from ops.registry.index import Index, RepositoryIndex
from ops.registry.manifests import fetched
from ops.registry.restore.model import Overwrite, RestoreError, RestorePlan, RestoreScope
from ops.registry.snapshots.images import link_record, links_of_images
from ops.registry.snapshots.recovery import leading_to_tags
from ops.registry.snapshots.removed import Removed
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.tree import Entry, Kind, RegistryTree, path_of

LATEST = "latest"


def plan(store: SnapshotStore, snapshot: Snapshot, scope: RestoreScope) -> RestorePlan:
    """Return what would be restored.

    Raises:
        RestoreError: The snapshot does not have it, or only parts of it, or the tag is not what it is expected to be.
        IndexDamagedError: The snapshot cannot be read.
        TreeError: A link of the registry is damaged.
    """
    check_expected(store.live, scope)
    live, wanted = store.live, list(_wanted(store, snapshot, scope))
    gone = {digest for digest in {_stored(one) for one in wanted} if digest and not store.blob(digest).exists()}
    wanted, incomplete = leading_somewhere(store, wanted, gone)
    wanted = leading_to_tags(live, sorted({*wanted, *_blobs(wanted)}, key=lambda one: one.entry.kind))
    missing = [one for one in wanted if not (live.top / path_of(one.entry)).exists()]
    moved = [change for one in wanted if (change := _moved(live, one.entry)) is not None]
    sizes = (store.blob(one.entry.digest).stat().st_size for one in missing if one.entry.kind == Kind.BLOB)
    return RestorePlan(
        snapshot=snapshot.name,
        scope=scope,
        files=tuple(wanted),
        missing=len(missing),
        size=sum(sizes),
        tags=tuple(sorted(_named(one.entry) for one in missing if one.entry.kind == Kind.TAG)),
        overwritten=tuple(moved) if scope.overwrite else (),
        differing=() if scope.overwrite else tuple(moved),
        incomplete=tuple(sorted(incomplete)),
    )


def check_expected(tree: RegistryTree, scope: RestoreScope) -> None:
    """Check that a tag is still what somebody saw who decided on a restore.

    Raises:
        RestoreError: It is not.
        TreeError: Its link is damaged.
    """
    if why := unexpected(tree, scope.repository, scope.tag, scope.expect):
        raise RestoreError(why)


def leading_somewhere(store: SnapshotStore, wanted: Sequence[Removed], gone: set[str]) -> tuple[list[Removed], set[str]]:
    """Leave out what needs a blob that is nowhere any more.

    Args:
        store: Where manifests are read.
        wanted: Links.
        gone: Blobs that are nowhere.

    Returns:
        The other links, and the names of the tags and manifests that are left out.
    """
    incomplete = _incomplete(store, wanted, gone)
    return [one for one in wanted if _stored(one) not in gone and _named(one.entry) not in incomplete], incomplete


def resolved(store: SnapshotStore, name: str, scope: RestoreScope) -> str:
    """Return the name of a snapshot; for `latest` that of the latest one from which something would be restored.

    If there is none, it is the latest one that has what was asked for: then there is nothing to do.
    """
    if name != LATEST:
        return name
    found, having = store.all(), ""
    if not found:
        raise RestoreError("there are no snapshots yet; `regops snapshot create` makes one")
    for snapshot in reversed(found):
        if scope.only_removed:
            if snapshot.state == SnapshotState.SWEPT and plan(store, snapshot, scope).missing:
                return snapshot.name
        elif has(snapshot.index(), scope):
            having = having or snapshot.name
            todo = plan(store, snapshot, scope)
            if todo.missing or todo.overwritten or todo.differing:
                return snapshot.name
    if not having:
        raise RestoreError(
            "no garbage collection has deleted anything that a snapshot still has; name what to restore, as REPOSITORY:TAG"
            if scope.only_removed
            else f"no snapshot has {scope or 'anything'}; `regops snapshot` lists them"
        )
    return having


def has(index: Index, scope: RestoreScope) -> bool:
    """Whether a snapshot has what a scope names."""
    repository = index.get(scope.repository)
    if repository is None:
        return not scope.repository
    if scope.tag:
        return scope.tag in repository.tags
    return not scope.digest or scope.digest in repository.revisions


def _wanted(store: SnapshotStore, snapshot: Snapshot, scope: RestoreScope) -> Iterable[Removed]:
    if scope.only_removed:
        return snapshot.removed()
    index = snapshot.index()
    if not has(index, scope):
        raise RestoreError(f"snapshot {snapshot.name} has no {scope}; `regops snapshot` lists the others")
    if scope.tag or scope.digest:
        return _of_image(store, snapshot, index[scope.repository], scope)
    names = [scope.repository] if scope.repository else index
    return [link_record(entry, index[name]) for name in names for entry in index[name].entries(name)]


def _of_image(store: SnapshotStore, snapshot: Snapshot, index: RepositoryIndex, scope: RestoreScope) -> Sequence[Removed]:
    """Return the links of one image: those of its tag, and of everything that it references."""
    root = index.tags[scope.tag] if scope.tag else scope.digest
    image = fetched(store, root)
    if any(not store.blob(index.stored_as(one)).exists() for one in image.digests - image.elsewhere):
        raise RestoreError(f"snapshot {snapshot.name} has only parts of {scope}; use an older snapshot, or a backup")
    return links_of_images(store, scope.repository, index, tags=[scope.tag] if scope.tag else (), digests=[root])


def _incomplete(store: SnapshotStore, wanted: Iterable[Removed], gone: set[str]) -> set[str]:
    """Return the tags and untagged manifests that need a blob which is nowhere any more."""
    if not gone:
        return set()
    checked = (one.entry for one in wanted if one.entry.kind in {Kind.TAG, Kind.REVISION})
    return {_named(entry) for entry in checked if _needs(store, entry.digest, gone)}


def _needs(store: SnapshotStore, root: str, gone: set[str]) -> bool:
    image = fetched(store, root)
    return not gone.isdisjoint(image.digests - image.elsewhere)


def _stored(one: Removed) -> str:
    """Return the digest of the blob that has to be there for a file; empty for the history of a tag."""
    match one.entry.kind:
        case Kind.BLOB:
            return one.entry.digest
        case Kind.TAG_HISTORY:
            return ""
    return one.content


def _blobs(wanted: Iterable[Removed]) -> set[Removed]:
    return {Removed(Entry(Kind.BLOB, digest), "") for one in wanted if (digest := _stored(one))}


def _named(entry: Entry) -> str:
    return f"{entry.repository}:{entry.tag}" if entry.kind == Kind.TAG else f"{entry.repository}@{entry.digest}"


def _moved(live: RegistryTree, entry: Entry) -> Overwrite | None:
    """Return how a tag differs from the snapshot; None when it does not, when it is missing, or for anything but a tag."""
    if entry.kind != Kind.TAG:
        return None
    now = live.tagged(entry.repository, entry.tag)
    if now is None or now == entry.digest:
        return None
    return Overwrite(entry.repository, entry.tag, now, entry.digest)
