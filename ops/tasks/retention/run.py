"""Deletes old tags of a stack's registry by its rules: through the edge, as any client, after a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from ops.config import RETENTION
from ops.core import exit_codes
from ops.registry.listing import links_of, listing_of
from ops.registry.snapshots.recovery import heal, roll_back
from ops.runs.task import Outcome
from ops.stack.deletion import TagLink, delete_tags
from ops.stack.places import tree_of
from ops.stack.registry import live_registry
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.run import LEDGER
from ops.tasks.retention.model import RetentionPlan, RetentionReport
from ops.tasks.retention.plan import PushTimes, last_push, plan_of


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
        going = [TagLink(one.repository, one.tag, one.digest, one.stamp) for one in plan.old]
        done = delete_tags(stack, live, listing, going, RETENTION)
        expired = live.store.drop_expired(keep=kept.snapshots, max_age=timedelta(days=kept.days))
    deleted = tuple(f"{one.repository}:{one.tag}" for one in done.deleted)
    left = tuple(str(one) for one in plan.old if str(one) not in set(deleted))
    return RetentionReport(plan, done.snapshot, deleted, left, tuple(expired))


def outcome_of(report: RetentionReport) -> Outcome:
    """Return how it ended."""
    figures = {"deleted_tags": float(len(report.deleted))}
    summary = f"deleted {len(report.deleted)} tags"
    if report.plan.unclear:
        return Outcome(exit_codes.WARNINGS, f"{summary}; nothing in {report.plan.unclear[0]}", figures)
    return Outcome(exit_codes.OK, summary, figures)


@contextmanager
def _push_times(path: Path) -> Iterator[PushTimes]:
    with closing(Ledger(path)) as ledger:
        told, looked = ledger.pushes(), ledger.last_look()

        def pushed(repository: str, tag: str, digest: str, written: datetime) -> datetime:
            records = ledger.history(repository, tag)
            return last_push(records, told.get((repository, tag)), looked, digest, written)

        yield pushed
