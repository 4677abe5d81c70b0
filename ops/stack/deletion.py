"""Deletes tags of a stack's registry: through the edge, as any client, after a snapshot from which they can be restored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from ops.config import RETENTION, RETENTION_PASSWORD
from ops.registry.client import Login, RegistryClient
from ops.registry.index import index_of
from ops.registry.listing import Listing, stamp_of
from ops.registry.live import LiveRegistry
from ops.registry.snapshots.images import links_of_images
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.transport import PooledEndpoint
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from ops.stack.stack import Stack

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class TagLink:
    """A tag, as it was when somebody decided that it goes.

    Attributes:
        repository: Its repository.
        tag: The tag.
        digest: What it points to; empty if that cannot be known.
        stamp: Of its link (`ops.registry.listing.stamp_of`): a tag that has another one was pushed again in the meantime. None
            if it has none.
    """

    repository: str
    tag: str
    digest: str
    stamp: int | None


@dataclass(frozen=True)
class Deletion:
    """What was deleted.

    Attributes:
        snapshot: Where it can be restored from.
        deleted: The tags that are gone.
    """

    snapshot: str
    deleted: tuple[TagLink, ...]


def delete_tags(
    stack: Stack, live: LiveRegistry, listing: Listing, going: Sequence[TagLink], by: str, *, login: Login | None = None
) -> Deletion:
    """Delete tags, but those that were pushed again since they were listed. Call it with the store locked.

    Args:
        stack: Whose.
        live: Its registry.
        listing: What it has.
        going: The tags that go.
        by: The task, for the snapshot.
        login: As whom; None for the account of retention, which may delete where the mirror and the rules do.

    Raises:
        RegistryError: The registry refuses, or does not answer.
        SnapshotError: There is no room for a snapshot.
    """
    snapshot = _snapshot(live.store, listing, going, by)
    with _client(stack, login or Login(RETENTION, stack.secret(RETENTION_PASSWORD).strip())) as client:
        return Deletion(snapshot.name, tuple(one for one in going if _delete(client, live.tree, one)))


def _snapshot(store: SnapshotStore, listing: Listing, going: Sequence[TagLink], by: str) -> Snapshot:
    """Make a snapshot that says what goes, with all that it leads to: a collection may delete that later."""
    index, tags = index_of(listing), dict[str, list[str]]()
    for one in (one for one in going if one.digest):
        tags.setdefault(one.repository, []).append(one.tag)
    snapshot = store.create(by, index)
    removed = [link for name, found in tags.items() for link in links_of_images(store, name, index[name], tags=found)]
    return snapshot.note_removed(removed).become(SnapshotState.SWEPT)


def _delete(client: RegistryClient, tree: RegistryTree, one: TagLink) -> bool:
    """Delete a tag, unless it was pushed again in the meantime."""
    link = tree.top / path_of(Entry(Kind.TAG, one.digest, one.repository, one.tag))
    if stamp_of(str(link)) not in {one.stamp, None}:
        return False
    client.delete_tag(one.repository, one.tag).expect(HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND)
    return True


@contextmanager
def _client(stack: Stack, login: Login) -> Iterator[RegistryClient]:
    config = stack.config
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        yield RegistryClient(endpoint, login, until=time.monotonic() + _PATIENCE_S)
