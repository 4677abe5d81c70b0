"""Deletes old tags of a stack's registry by its rules: through the edge, as any client, after a snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from ops.config import RETENTION, RETENTION_PASSWORD
from ops.core import exit_codes
from ops.registry.client import Login, RegistryClient
from ops.registry.index import index_of
from ops.registry.listing import Listing, links_of, listing_of, stamp_of
from ops.registry.snapshots.images import links_of_images
from ops.registry.snapshots.recovery import heal, roll_back
from ops.registry.snapshots.store import Snapshot, SnapshotState, SnapshotStore
from ops.registry.transport import PooledEndpoint
from ops.registry.tree import Entry, Kind, RegistryTree, path_of
from ops.runs.task import Outcome
from ops.stack.registry import live_registry, tree_of
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.run import LEDGER
from ops.tasks.retention.model import OldTag, RetentionPlan, RetentionReport
from ops.tasks.retention.plan import PushTimes, last_push, plan_of

_PATIENCE_S = 60.0


def preview(stack: Stack) -> RetentionPlan:
    """Return what would be deleted now. Nothing changes.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    tree = tree_of(stack)
    with _push_times(stack.data / LEDGER) as pushed:
        rules = stack.config.retention
        return plan_of(rules, {rule.repository: links_of(tree, rule.repository) for rule in rules}, pushed)


def preview_outcome(plan: RetentionPlan) -> Outcome:
    """Return how a preview ended: with warnings when something cannot be read."""
    return Outcome(exit_codes.WARNINGS if plan.unclear else exit_codes.OK, f"{len(plan.old)} tags would be deleted")


def delete_old(stack: Stack) -> RetentionReport:
    """Delete what the rules say. A run that was killed is completed by the next one.

    Raises:
        RegistryError: The registry refuses, or does not answer.
        SnapshotError: There is no room for a snapshot.
        ReadOnlyModeError: A killed collection has to be rolled back first, and read-only mode cannot be turned on.
        LedgerError: The ledger cannot be read.
        LockedError: Another task is using the snapshots.
    """
    rules, kept = stack.config.retention, stack.config.undo
    with live_registry(stack) as live, live.store.locked(RETENTION):
        roll_back(live, RETENTION)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        with _push_times(stack.data / LEDGER) as pushed:
            plan = plan_of(rules, listing.repositories, pushed)
        if not plan.old:
            return RetentionReport(plan)
        snapshot = _snapshot(live.store, listing, plan)
        with _client(stack) as client:
            deleted = [str(one) for one in plan.old if _delete(client, live.tree, one)]
        expired = live.store.drop_expired(keep=kept.snapshots, max_age=timedelta(days=kept.days))
    left = tuple(str(one) for one in plan.old if str(one) not in set(deleted))
    return RetentionReport(plan, snapshot.name, tuple(deleted), left, tuple(expired))


def outcome_of(report: RetentionReport) -> Outcome:
    """Return how it ended."""
    figures = {"deleted_tags": float(len(report.deleted))}
    summary = f"deleted {len(report.deleted)} tags"
    if report.plan.unclear:
        return Outcome(exit_codes.WARNINGS, f"{summary}; nothing in {report.plan.unclear[0]}", figures)
    return Outcome(exit_codes.OK, summary, figures)


def _snapshot(store: SnapshotStore, listing: Listing, plan: RetentionPlan) -> Snapshot:
    """Make a snapshot that says what goes, with all that it leads to: a collection may delete that later."""
    index, going = index_of(listing), dict[str, list[str]]()
    for one in plan.old:
        going.setdefault(one.repository, []).append(one.tag)
    snapshot = store.create(RETENTION, index)
    removed = [link for name, tags in going.items() for link in links_of_images(store, name, index[name], tags=tags)]
    snapshot.note_removed(removed)
    return snapshot.become(SnapshotState.SWEPT)


def _delete(client: RegistryClient, tree: RegistryTree, one: OldTag) -> bool:
    """Delete a tag, unless it was pushed again in the meantime."""
    link = tree.top / path_of(Entry(Kind.TAG, one.digest, one.repository, one.tag))
    if stamp_of(str(link)) not in {one.stamp, None}:
        return False
    client.delete_tag(one.repository, one.tag).expect(HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND)
    return True


@contextmanager
def _client(stack: Stack) -> Iterator[RegistryClient]:
    config, login = stack.config, Login(RETENTION, stack.secret(RETENTION_PASSWORD).strip())
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        yield RegistryClient(endpoint, login, until=time.monotonic() + _PATIENCE_S)


@contextmanager
def _push_times(path: Path) -> Iterator[PushTimes]:
    with closing(Ledger(path)) as ledger:
        told, looked = ledger.pushes(), ledger.last_look()

        def pushed(repository: str, tag: str, digest: str, written: datetime) -> datetime:
            records = ledger.history(repository, tag)
            return last_push(records, told.get((repository, tag)), looked, digest, written)

        yield pushed
