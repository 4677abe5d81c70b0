"""Garbage collection of a stack: sets a collection up from the stack's settings, then previews, runs or recovers it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from humanize import naturalsize

from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.core.findings import and_more
from ops.registry.snapshots.recovery import roll_back
from ops.runs.task import Outcome
from ops.stack.access_log import NewlyAsked, access_log_of, asked_for, last_pulls
from ops.stack.budget import over_budget
from ops.stack.registry import live_registry, registry_image
from ops.stack.stack import Stack
from ops.tasks.gc.collection import TASK, GarbageCollection
from ops.tasks.gc.model import GcOptions, GcReport, Keep, Plan, Rules, SafetyLimits

_DAY_S = 86_400.0

Step = Callable[[str], None]


@dataclass(frozen=True)
class Collected:
    """A collection that has ended.

    Attributes:
        report: What it did.
        expired: Names of the old snapshots that were deleted after it.
        held: Bytes that the remaining snapshots hold.
    """

    report: GcReport
    expired: list[str]
    held: int

    @property
    def outcome(self) -> Outcome:
        """How the task ended."""
        report = self.report
        figures = {
            "refused": 0,
            "removed_blobs": report.removed_blobs,
            "removed_bytes": report.size,
            "held_seconds": report.held_s,
            "read_only_seconds": report.all_held_s,
            "snapshots_bytes": self.held,
        }
        if report.problems:
            summary = f"{report.problems[0]}; restore what was deleted with `regops undo`"
            return Outcome(exit_codes.MISMATCH, summary, figures)
        size = naturalsize(report.size, binary=True)
        summary = f"deleted {report.removed_blobs} blobs, {size}; writes were held for at most {report.held_s:.1f} s"
        if report.left:
            summary += f"; {report.left} files are left for the next collection, since writes never stopped"
            return Outcome(exit_codes.WARNINGS, summary, figures)
        if report.plan.unclear:
            return Outcome(exit_codes.WARNINGS, f"{summary}; {_unclear(report.plan)}", figures)
        return Outcome(exit_codes.OK, summary, figures)


def preview(stack: Stack, options: GcOptions, step: Step) -> Plan:
    """Return what a collection would delete now. Nothing changes.

    Args:
        stack: Whose registry.
        options: As the operator asked.
        step: Called with the name of each step, for progress.

    Raises:
        EngineError: The Docker engine does not answer.
    """
    with _collection(stack, options, step) as collection:
        return collection.plan()


def preview_outcome(plan: Plan) -> Outcome:
    """Return how a preview ended: with warnings when the collection would refuse to start, or something cannot be read."""
    code = exit_codes.WARNINGS if plan.refusals or plan.unclear else exit_codes.OK
    return Outcome(code, f"{plan.blobs} blobs would be deleted, {naturalsize(plan.size, binary=True)}")


def _unclear(plan: Plan) -> str:
    return f"everything was kept in {plan.unclear[0]}{and_more(plan.unclear)}"


def collect(stack: Stack, options: GcOptions, step: Step) -> Collected:
    """Collect, then delete snapshots that are too old or too many.

    Args:
        stack: Whose registry.
        options: As the operator asked.
        step: Called with the name of each step, for progress.

    Raises:
        EngineError: The Docker engine does not answer.
        RefusedError: A safety check failed.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
        NoSpaceError: There is no room for a record of what is deleted.
    """
    with _collection(stack, options, step) as collection:
        report = collection.run()
    store, kept = collection.live.store, stack.config.undo
    with store.locked("gc"):
        expired = store.drop_expired(keep=kept.snapshots, max_age=timedelta(days=kept.days))
        return Collected(report, expired, sum(store.sizes().values()))


def recover(stack: Stack, step: Step) -> list[str]:
    """Put back what a killed collection had deleted, and clean up after it; return the names of the snapshots used.

    Raises:
        ServiceError: A container of the registry does not answer.
        ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
    """
    with live_registry(stack) as live, live.store.locked("gc"):
        return roll_back(replace(live, step=step), "gc")


@contextlib.contextmanager
def _collection(stack: Stack, options: GcOptions, step: Step) -> Iterator[GarbageCollection]:
    settings, log = stack.config.gc, access_log_of(stack)
    min_age_s = settings.min_age_hours * 3600
    delete_untagged = settings.delete_untagged and not options.keep_untagged
    pulled_since = time.time() - settings.keep_pulled_days * _DAY_S
    # The whole log is read for this, so only if it matters.
    pulls = last_pulls(log) if delete_untagged and settings.keep_pulled_days else {}
    image = registry_image(stack)
    with contextlib.closing(NewlyAsked(log)) as newly, live_registry(stack, image=image) as live:
        known = asked_for(log, min_age_s)

        def asked() -> frozenset[str]:
            nonlocal known
            known |= newly.digests()
            return known

        yield GarbageCollection(
            replace(live, step=step, asked_for=asked),
            Rules(
                delete_untagged=delete_untagged,
                keep=tuple(Keep(one.repositories, one.tags) for one in settings.keep),
                pulled={image for image, pulled in pulls.items() if pulled > pulled_since},
                min_age_s=min_age_s,
                orphaned_signatures=settings.orphaned_signatures,
            ),
            SafetyLimits(
                max_share=settings.max_share,
                max_backup_age_s=settings.max_backup_age_days and settings.max_backup_age_days * _DAY_S,
                allowed=options.allowed,
            ),
            backup_age_s=lambda: standing_of(stack).verified_age_s(time.time()),
            over_budget=lambda files: over_budget(stack, TASK, files, sliced=True),
            keep_snapshot=options.keep_snapshot,
        )
