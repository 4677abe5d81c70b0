"""One collection from beginning to end: list, mark, sweep in slices, verify."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ops.core.clock import Clock
from ops.registry.index import index_of
from ops.registry.listing import Listing, listing_of
from ops.registry.live import LiveRegistry
from ops.registry.manifests import image_problems
from ops.registry.read_only import ReadOnlyModeBusyError, ReadOnlyModeError
from ops.registry.snapshots.recovery import heal, put_back, put_back_removed, roll_back
from ops.registry.snapshots.store import Snapshot, SnapshotState
from ops.registry.snapshots.trash import NoSpaceError
from ops.registry.tree import DIGEST, Kind, RegistryTree, TreeError
from ops.tasks.gc.checks import refusals
from ops.tasks.gc.mark import Marked, mark
from ops.tasks.gc.model import GcReport, Plan, RefusedError, Rules, SafetyLimits
from ops.tasks.gc.plan import plan_of
from ops.tasks.gc.sweep import Sweep

TASK = "gc"
_WHY = "gc"
_LOOKS = 4
_LOOK_S = 0.25
# Writers wait for a slice, which takes about this long, and then have as long for themselves. In a push storm, waiting for those
# in flight and looking again take longer than that, and something has to be removed all the same.
_HELD_S = 1.0
_LEAST_S, _PAUSE_S = 0.3, 0.2
# How long a slice waits for writes in flight, and for how long it is tried again.
_DRAIN_S = 1.0
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class GarbageCollection:
    """One collection, and what it works with.

    Attributes:
        live: The registry.
        rules: What is deleted.
        limits: When it refuses to start.
        backup_age_s: Returns how old the last verified backup is; None when there is none.
        over_budget: Returns why removing so many files is too much for the error budget; empty if it is not.
        keep_snapshot: Whether what is deleted can be restored; if not, its space is free at once.
        sample: How many images are read in full afterwards.
    """

    live: LiveRegistry
    rules: Rules = field(default_factory=Rules)
    limits: SafetyLimits = field(default_factory=SafetyLimits)
    backup_age_s: Callable[[], float | None] = lambda: None
    over_budget: Callable[[int], str] = lambda _: ""
    keep_snapshot: bool = True
    sample: int = 5

    def plan(self) -> Plan:
        """Return what would be deleted now. Nothing changes, and nothing is written.

        Raises:
            OSError: The tree cannot be read at all.
        """
        clock = Clock()
        return self._plan(self._mark(self._list(clock), clock), clock)

    def run(self) -> GcReport:
        """Collect.

        Raises:
            RefusedError: A safety check failed.
            ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
            NoSpaceError: The disk is so full that there is no room for a record of what is deleted.
            LockedError: Another task is using the snapshots.
        """
        clock = Clock()
        with self.live.store.locked(TASK):
            roll_back(self.live, TASK)
            listing = self._list(clock)
            heal(self.live.store, listing)
            marked = self._mark(listing, clock)
            plan = self._plan(marked, clock)
            if plan.refusals:
                raise RefusedError(plan.refusals)
            sweep = Sweep(self.live.tree, marked, self.live.asked_for)
            with clock.phase("prepare"):
                sweep.look()
            snapshot = self._sweep(sweep, clock) if sweep.left else None
            with clock.phase("verify"):
                verified, problems = self._verify({one.entry.digest for one in sweep.gone})
            self.live.step("verified")
            if snapshot and not self.keep_snapshot and not problems:
                self.live.store.remove(snapshot.name)
                snapshot = None
        blobs = [one for one in sweep.gone if one.entry.kind == Kind.BLOB]
        return GcReport(
            plan=plan,
            snapshot=snapshot.name if snapshot else "",
            removed_blobs=len(blobs),
            size=sum(one.size for one in blobs),
            kept_again=sweep.kept_again,
            left=len(sweep.left),
            held_s=clock.longest.get("held", 0.0),
            all_held_s=clock.seconds.get("held", 0.0),
            slices=clock.times.get("held", 0),
            seconds=clock.seconds,
            verified=verified,
            problems=problems,
        )

    def _list(self, clock: Clock) -> Listing:
        with clock.phase("list"):
            listing = listing_of(self.live.tree)
        self.live.step("listed")
        return listing

    def _mark(self, listing: Listing, clock: Clock) -> Marked:
        with clock.phase("mark"):
            marked = mark(self.live.tree, listing, rules=self.rules, now=clock.began, asked_for=self.live.asked_for())
        self.live.step("marked")
        return marked

    def _sweep(self, sweep: Sweep, clock: Clock) -> Snapshot:
        live = self.live
        with clock.phase("sweep"):
            snapshot = live.store.create(_WHY, index_of(sweep.marked.listing), image=live.image)
            try:
                snapshot = snapshot.note_removed(sweep.records(sweep.left)).become(SnapshotState.SWEEPING)
                live.step("noted")
                while sweep.left and self._slice(sweep, snapshot, clock):
                    pass
                with contextlib.suppress(NoSpaceError):  # the record from before names more, and does as well
                    snapshot = snapshot.note_removed(sweep.records(sweep.gone))
            except BaseException:
                if live.store.get(snapshot.name).state == SnapshotState.SWEEPING:
                    # With all files back in place, whatever a cache that could not be emptied says is true again.
                    put_back_removed(live, snapshot)
                    with contextlib.suppress(Exception):
                        live.flush()
                if not sweep.gone:
                    live.store.remove(snapshot.name)
                raise
            snapshot = snapshot.become(SnapshotState.SWEPT)
            live.step("done")
        return snapshot

    def _slice(self, sweep: Sweep, snapshot: Snapshot, clock: Clock) -> bool:
        """Remove some of what is left while writes are held, then let them through for a while.

        Returns:
            False if there is always a write in flight, and something was removed before: the rest is for the next collection.

        Raises:
            ReadOnlyModeBusyError: It cannot be turned on, or there is always a write in flight, and nothing was removed yet.
            ReadOnlyModeError: It ended too early.
        """
        live, give_up = self.live, time.monotonic() + _PATIENCE_S
        while True:
            began = time.monotonic()
            try:
                with clock.phase("held"), live.writes_held(TASK, "unused blobs are being deleted", drain_limit_s=_DRAIN_S):
                    put_back(live.store, sweep.look())
                    left_s = began + _HELD_S - clock.last.get("look", 0.0) - time.monotonic()
                    sweep.one_slice(snapshot.trash, max(left_s, _LEAST_S), self._keep_going)
                    live.read_only.changed = len(sweep.recent)
                    live.step("swept")
                    live.read_only.extend()
                    with clock.phase("look"):
                        self._look_again(sweep)
                    live.step("flushed")
            except ReadOnlyModeBusyError:
                if time.monotonic() < give_up:
                    time.sleep(_PAUSE_S)
                elif sweep.gone:
                    return False
                else:
                    raise
            else:
                time.sleep(max(clock.last["held"], _PAUSE_S) if sweep.left else 0)
                return True

    def _look_again(self, sweep: Sweep) -> None:
        """Put back what is needed by writes that the edge had let through and that were not counted yet.

        Once the cache has forgotten what is gone, new writes learn the truth. Those that began before are waited for, and leave
        a link.
        """
        live = self.live
        gone = [one.entry for one in sweep.recent]
        live.cache.forget(gone)
        try:
            live.drain()
        except ReadOnlyModeBusyError as error:
            raise ReadOnlyModeError(f"{error}; everything was put back") from error
        put_back(live.store, sweep.look())
        live.cache.forget(gone)

    def _keep_going(self) -> None:
        self.live.read_only.extend()
        self.live.step("sweeping")

    def _plan(self, marked: Marked, clock: Clock) -> Plan:
        plan = plan_of(marked, clock.seconds)
        return replace(plan, refusals=refusals(plan, self.limits, self.backup_age_s, self.over_budget))

    def _verify(self, removed: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read some images in full. What is wrong with them is a problem of the collection if it was removed by it."""
        tree = self.live.tree
        tags = [(name, tag) for name in tree.repository_names() for tag in tree.tag_names(name)]
        chosen = random.sample(tags, min(self.sample, len(tags)))
        problems = [
            one for name, tag in chosen for one in _problems(tree, name, tag) if not removed.isdisjoint(DIGEST.findall(one))
        ]
        return tuple(f"{name}:{tag}" for name, tag in chosen), tuple(problems)


def _problems(tree: RegistryTree, name: str, tag: str) -> list[str]:
    """Return what keeps an image from being pulled, unless it has just been deleted or replaced."""
    problems: list[str] = []
    for _ in range(_LOOKS):
        try:
            problems = image_problems(tree, name, tag) if tree.tagged(name, tag) else []
        except (TreeError, OSError) as error:
            problems = [str(error)]
        if not problems:
            break
        time.sleep(_LOOK_S)  # a delete removes the manifest first, then its tags
    return problems
