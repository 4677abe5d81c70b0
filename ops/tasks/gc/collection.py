"""One collection from beginning to end: copy, mark, sweep, verify."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ops.registry.live import LiveRegistry
from ops.registry.manifests import image_problems
from ops.registry.snapshots.recovery import put_back, put_back_removed, roll_back
from ops.registry.snapshots.store import Snapshot, SnapshotState
from ops.registry.tree import Kind, RegistryTree, TreeError
from ops.tasks.gc.checks import refusals
from ops.tasks.gc.mark import Marked, mark
from ops.tasks.gc.model import GcReport, Plan, RefusedError, Rules, SafetyLimits
from ops.tasks.gc.plan import plan_of
from ops.tasks.gc.sweep import Remaining, needed_again, remaining, remove

_TASK = "gc"
_WHY = "gc"
_LOOKS = 4
_LOOK_S = 0.25


@dataclass(frozen=True)
class GarbageCollection:
    """One collection, and what it works with.

    Attributes:
        live: The registry.
        rules: What is deleted.
        limits: When it refuses to start.
        backup_age_s: Returns how old the last successful backup is; None when there is none.
        one_phase: Refuse writes from the copy on, the classic way. Read-only mode has to last for the whole collection.
        keep_snapshot: Whether what is deleted can be restored; if not, its space is free at once.
        sample: How many images are read in full afterwards.
    """

    live: LiveRegistry
    rules: Rules = field(default_factory=Rules)
    limits: SafetyLimits = field(default_factory=SafetyLimits)
    backup_age_s: Callable[[], float | None] = lambda: None
    one_phase: bool = False
    keep_snapshot: bool = True
    sample: int = 5

    def plan(self) -> Plan:
        """Return what would be deleted now. Nothing changes.

        Raises:
            SnapshotError: There is no room for a copy.
            LockedError: Another task is using the snapshots.
        """
        clock = _Clock()
        with self.live.store.locked(_TASK):
            snapshot, marked = self._mark(clock)
            self.live.store.remove(snapshot.name)
            return self._plan(marked, clock)

    def run(self) -> GcReport:
        """Collect.

        Raises:
            RefusedError: A safety check failed.
            ReadOnlyModeError: Read-only mode cannot be turned on, or writes in flight do not finish in time.
            SnapshotError: There is no room for a copy.
            LockedError: Another task is using the snapshots.
        """
        clock = _Clock()
        with self.live.store.locked(_TASK), contextlib.ExitStack() as held:
            roll_back(self.live, _TASK)
            if self.one_phase:
                held.enter_context(self._refused(clock))
            snapshot, marked = self._mark(clock)
            try:
                plan = self._plan(marked, clock)
                if plan.refusals:
                    raise RefusedError(plan.refusals)
                with clock.phase("prepare"):
                    remaining(self.live.tree, marked)
                if not self.one_phase:
                    held.enter_context(self._refused(clock))
                left = self._sweep(snapshot, marked, clock)
            except BaseException:
                if self.live.store.get(snapshot.name).state == SnapshotState.KEPT:  # nothing was deleted
                    self.live.store.remove(snapshot.name)
                raise
            held.close()
            with clock.phase("verify"):
                verified, problems = self._verify(snapshot.tree)
            self.live.step("verified")
            if not self.keep_snapshot and not problems:
                self.live.store.remove(snapshot.name)
        blobs = [one for one in left.going if one.entry.kind == Kind.BLOB]
        return GcReport(
            plan=plan,
            snapshot=snapshot.name if self.keep_snapshot or problems else "",
            removed_blobs=len(blobs),
            size=sum(one.size for one in blobs),
            kept_again=left.kept_again,
            refused_s=clock.seconds["refused"],
            seconds=clock.seconds,
            verified=verified,
            problems=problems,
        )

    def _mark(self, clock: _Clock) -> tuple[Snapshot, Marked]:
        store = self.live.store
        with clock.phase("copy"):
            made_at = time.time()
            snapshot = store.create(_WHY, image=self.live.image)
        self.live.step("copied")
        try:
            with clock.phase("mark"):
                marked = mark(self.live.tree, snapshot.tree, rules=self.rules, made_at=made_at)
            self.live.step("marked")
        except BaseException:
            store.remove(snapshot.name)
            raise
        return snapshot, marked

    @contextlib.contextmanager
    def _refused(self, clock: _Clock) -> Iterator[None]:
        with clock.phase("refused"), self.live.writes_refused(_TASK, "unused blobs are being deleted"):
            yield

    def _sweep(self, snapshot: Snapshot, marked: Marked, clock: _Clock) -> Remaining:
        live = self.live
        with clock.phase("sweep"):
            left = remaining(live.tree, marked)
            snapshot.note_removed(one.path for one in left.going)
            snapshot.become(SnapshotState.SWEEPING)
            live.step("noted")
            try:
                remove(live.tree, left.going, self._keep_going)
                live.step("swept")
                live.read_only.extend()
                left = self._look_again(snapshot, marked, left)
                live.step("flushed")
            except BaseException:
                # With all files back in place, whatever a cache that could not be emptied says is true again.
                put_back_removed(live, snapshot)
                with contextlib.suppress(Exception):
                    live.flush()
                raise
            snapshot.become(SnapshotState.SWEPT)
            live.step("done")
        return left

    def _look_again(self, snapshot: Snapshot, marked: Marked, left: Remaining) -> Remaining:
        """Put back what is needed by writes that the edge had let through and that were not counted yet.

        Once the cache is empty, new writes learn the truth. Those that began before are waited for, and leave a link.
        """
        live = self.live
        live.flush_cache()
        live.drain()
        needed = needed_again(live.tree, marked, left)
        put_back(snapshot.tree, live.tree, [one.path for one in needed], live.store.restorer())
        live.flush_cache()
        gone = set(needed)
        return Remaining([one for one in left.going if one not in gone], left.kept_again + len(needed))

    def _keep_going(self) -> None:
        self.live.read_only.extend()
        self.live.step("sweeping")

    def _plan(self, marked: Marked, clock: _Clock) -> Plan:
        plan = plan_of(marked, clock.seconds)
        return replace(plan, refusals=refusals(plan, self.limits, self.backup_age_s))

    def _verify(self, before: RegistryTree) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read some images in full. What was wrong with them before the collection is not a problem of the collection."""
        tree = self.live.tree
        tags = [(name, tag) for name in tree.repository_names() for tag in tree.tag_names(name)]
        chosen = random.sample(tags, min(self.sample, len(tags)))
        problems = [problem for name, tag in chosen for problem in _new_problems(before, tree, name, tag)]
        return tuple(f"{name}:{tag}" for name, tag in chosen), tuple(problems)


@dataclass
class _Clock:
    """How many seconds each phase took."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - start


def _new_problems(before: RegistryTree, tree: RegistryTree, name: str, tag: str) -> list[str]:
    problems = _problems(tree, name, tag)
    known = [problem.replace(str(before.root), str(tree.root)) for problem in (_problems(before, name, tag) if problems else ())]
    return [problem for problem in problems if problem not in known]


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
