"""Mirrors what comes from one upstream registry: looks, copies in batches, and tries again what may pass."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from ops.config import ConfigError
from ops.tasks.sync.copying import FULL, STOPPED, Batch, Copier
from ops.tasks.sync.exact import Reading, weighed
from ops.tasks.sync.look import Look, failure_of, look_at
from ops.tasks.sync.model import GOES_ON, EntryPlan, Failure, Job, MirrorEntry, Weight
from ops.tasks.sync.plan import Here, plan_of
from ops.tasks.sync.progress import Progress
from ops.tasks.sync.state import MirrorState
from ops.tasks.sync.verification import Verifier
from ops.tasks.sync.whole import parts_of
from ops.upstream.budget import Budget
from ops.upstream.client import Upstream
from ops.upstream.errors import UpstreamError

# Before what failed for a reason that may pass is tried again.
PAUSES_S = (5.0, 30.0)
_BATCH = 100
# Files may be a little older than the time at which they were written.
_CLOCK_S = 0.05
# Fewer bytes say nothing of how fast more of them are.
_TELLING = 10_000_000
# How many manifests an image has of which nothing is known: eight platforms with their attestations, and the index.
_GUESS = 17


@dataclass(frozen=True)
class Plans:
    """What would be done.

    Attributes:
        entries: With each entry.
        budget: How many pulls upstream grants; None if it counts none.
        read: How many manifests were fetched to know it.
    """

    entries: Sequence[EntryPlan]
    budget: Budget | None = None
    read: int = 0


@dataclass(frozen=True)
class OneUpstream:
    """One registry, with all entries that come from it.

    Attributes:
        name: Its name.
        entries: The entries, all of which can be read.
        connect: Makes a client for it.
        here: What this registry has.
        state: What is remembered.
        copier: Copies batches.
        configure: Returns regsync's configuration for a batch.
        reserve: How many of the pulls that it grants are left for people.
        closed: Returns why nothing may be written here now; empty if it may.
        tell: Told how far it has come.
        pauses_s: Before each further try.
        verifier: Verifies what entries want signed; None if none does.
        taken: Repositories here that are named in the catalogue: those of a whole registry that are written there are left out.
        folders: Below what the whole registries of the catalogue are written here.
    """

    name: str
    entries: Sequence[MirrorEntry]
    connect: Callable[[], Upstream]
    here: Here
    state: MirrorState
    copier: Copier
    configure: Callable[[Sequence[Job]], str]
    reserve: int = 0
    closed: Callable[[], str] = lambda: ""
    tell: Callable[[str], None] = lambda _: None
    pauses_s: Sequence[float] = PAUSES_S
    taken: Collection[str] = ()
    verifier: Verifier | None = None
    folders: Collection[str] = ()

    def run(self) -> tuple[list[Progress], Budget | None]:
        """Mirror it; return how each entry fared, and the pulls that are left.

        Raises:
            MirrorStateError: What was seen cannot be remembered.
            OSError: The disk is full.
            RegsyncError: regsync cannot be run.
        """
        progress = {entry.key: Progress(entry) for entry in self.entries}
        pending: Sequence[MirrorEntry] = self.entries
        try:
            client = self.connect()
        except ConfigError as error:  # no other registry has to wait for this one's login
            for one in progress.values():
                one.fail("", _no_login(error))
            return list(progress.values()), None
        for pause in (0.0, *self.pauses_s):
            if pause and self.copier.stop.wait(pause):
                break
            for entry in pending:
                progress[entry.key].begin_again()
            self._copy(self._look(pending, client, progress), client, progress)
            pending = [entry for entry in pending if progress[entry.key].may_pass]
            if not pending or self.copier.stop.is_set():
                break
            budget, client = client.budget, self.connect()  # a new one does not remember who did not answer
            if budget is not None and budget.remaining <= self.reserve:
                break
        return list(progress.values()), client.budget

    def plans(self, *, exact: bool = False) -> Plans:
        """Return what would be done. Nothing changes.

        Args:
            exact: Whether to read the manifests of what would be copied, as far as that leaves the pulls that are for people.
        """
        now = time.time()
        try:
            client = self.connect()
        except ConfigError as error:
            return Plans([EntryPlan(entry, failure=_no_login(error)) for entry in self.entries])
        parts, failed = self._in_parts(self.entries, client)
        plans, read = [*failed, *(self._planned(look, now) for look in look_at(parts, client, self.here.platforms))], 0
        if exact:
            allowance = None if client.budget is None else max(0, client.budget.remaining - self.reserve)
            plans, read = weighed(plans, Reading(client, self.here.tree, allowance))
        return Plans(plans, client.budget, read)

    def _look(self, entries: Sequence[MirrorEntry], client: Upstream, progress: dict[str, Progress]) -> list[Job]:
        now, (parts, failed) = time.time(), self._in_parts(entries, client)
        looks = list(look_at(parts, client, self.here.platforms))
        plans = [self._planned(look, now) for look in looks]
        self.state.saw([(look.entry, look.seen) for look in looks], now)
        for plan in (*failed, *plans):
            self.state.found(plan.entry, plan.unchanged)
            one = progress[plan.entry.owner.key]
            one.plans.append(plan)
            if failure := plan.failure or plan.refused:
                one.fail(plan.entry.repository if plan.entry.of else "", failure)
        jobs = [job for plan in plans for job in plan.jobs]
        self.tell(f"{self.name}: entries looked at: {len(entries)}, tags to copy: {len(jobs)}")
        return jobs

    def _in_parts(self, entries: Sequence[MirrorEntry], client: Upstream) -> tuple[list[MirrorEntry], list[EntryPlan]]:
        """Return entries with those of whole registries in parts, and why some of these cannot be taken apart."""
        parts, failed = list[MirrorEntry](), list[EntryPlan]()
        for entry in entries:
            if not entry.registry:
                parts.append(entry)
                continue
            try:
                found = parts_of(entry, client.repositories(), self.taken, self.folders)
            except UpstreamError as error:
                found = failure_of(error)
            if isinstance(found, Failure):
                failed.append(EntryPlan(entry, failure=found))
            else:
                parts += found
        return parts, failed

    def _planned(self, look: Look, now: float) -> EntryPlan:
        known, tags = self.state.known(look.entry), look.upstream_tags
        plan = plan_of(look.entry, look.seen, self.here, known, now, upstream_tags=tags, matching=look.matching)
        if self.verifier and (refusal := self.verifier.refusal(look.entry)):
            plan = replace(plan, jobs=(), failure=refusal)
        return replace(plan, failure=plan.failure or look.failure)

    def _copy(self, jobs: Iterable[Job], client: Upstream, progress: dict[str, Progress]) -> None:
        waiting, alone, refused = deque(jobs), set[str](), set[tuple[str, str]]()
        while waiting and not self.copier.stop.is_set():
            if why := self.closed() or self._exhausted(waiting[0], client.budget):
                for job in waiting:
                    progress[job.entry.owner.key].waits = why
                return
            if why := self._too_large(waiting[0]):
                progress[waiting.popleft().entry.owner.key].skipped = why
                continue
            batch = self._verified(self._batch(waiting, client.budget, alone), refused, progress)
            if not batch:
                continue
            began, at = time.monotonic(), time.time() - _CLOCK_S
            done = self.copier.copy(batch, self.configure(batch), self.name.replace(":", "_"))
            took = time.monotonic() - began
            self._take_in(done, progress, took / len(batch))
            self._measure(done, at, took)
            alone |= {job.name for job in done.suspects}
            waiting.extendleft(reversed(done.left))
            waiting.extend(done.suspects)
            if done.full:
                for job in waiting:
                    progress[job.entry.owner.key].skipped = str(FULL)
                return
            if client.budget is not None:
                self._refresh(batch[0], client)

    def _verified(self, batch: list[Job], refused: set[tuple[str, str]], progress: dict[str, Progress]) -> list[Job]:
        """Return those of a batch that are signed as their entries want it, or want nothing, and note the others."""
        failures = self.verifier.failures(batch) if self.verifier else {}
        refused |= failures.keys()
        for job in batch:
            if failure := failures.get((job.entry.key, job.seen.digest)):
                progress[job.entry.owner.key].fail(job.told, failure)
                self.tell(f"{job.name} failed: {failure}")
        return [job for job in batch if not {(job.entry.key, job.seen.digest), (job.entry.key, job.seen.about)} & refused]

    def _measure(self, done: Batch, since: float, seconds: float) -> None:
        """Remember how fast a batch was, unless that was rather a matter of requests than of bytes."""
        copied = {(job.entry.repository, job.seen.digest) for job in done.copied}
        size = sum(self.here.received(repository, digest, since) for repository, digest in copied)
        if size >= _TELLING:
            self.state.measured(self.name, size, seconds)

    def _take_in(self, done: Batch, progress: dict[str, Progress], seconds: float) -> None:
        for job in done.copied:
            one = progress[job.entry.owner.key]
            weight = job.weight if job.is_here else self.here.weight(job.entry.repository, job.seen.tag)
            one.copied.append(job)
            one.size += weight.size if weight else 0
            one.seconds += seconds
            self.state.copied(job.entry, job.seen)
            self.tell(f"{job.name} copied from {self.name}")
        for job, failure in done.failed:
            if failure is STOPPED:
                continue
            one = progress[job.entry.owner.key]
            if failure is FULL:
                one.skipped = str(FULL)
            else:
                one.fail(job.told, failure)
            self.tell(f"{job.name} failed: {failure}")

    def _batch(self, waiting: deque[Job], budget: Budget | None, alone: set[str]) -> list[Job]:
        """Take as many tags as there are pulls and room for; the first one in any case, and what may hold up others alone."""
        pulls = math.inf if budget is None else budget.remaining - self.reserve
        room = self.copier.free()
        batch = list[Job]()
        while waiting and len(batch) < _BATCH:
            weight = self._weight(waiting[0])
            pulls -= _manifests(weight)
            room -= weight.size if weight else 0
            # What is not known is learned from the first image of a repository, if it matters.
            if batch and (pulls < 0 or room < 0 or (weight is None and budget is not None) or waiting[0].name in alone):
                break
            batch.append(waiting.popleft())
            if batch[-1].name in alone:
                break
        return batch

    def _weight(self, job: Job) -> Weight | None:
        return job.weight or self.here.weight(job.entry.repository, job.seen.tag)

    def _exhausted(self, job: Job, budget: Budget | None) -> str:
        if budget is None:
            return ""
        needed = _manifests(self._weight(job))
        if budget.remaining - self.reserve >= needed:
            return ""
        kept = f", of which {self.reserve} are kept for people" if self.reserve else ""
        return f"{self.name} grants {budget.remaining} more pulls{kept}, and about {needed} are needed{GOES_ON}"

    def _too_large(self, job: Job) -> str:
        weight = self._weight(job)
        free = self.copier.free()
        if free > (weight.size if weight else 0):
            return ""
        left = max(0, free + self.copier.limits.reserve - (weight.size if weight else 0))
        return (
            f"would leave {left / 1e9:.0f} GB free, less than the reserve of {self.copier.limits.reserve / 1e9:.0f} GB"
            " (sync.reserve_gb)"
        )

    def _refresh(self, job: Job, client: Upstream) -> None:
        """Learn how many pulls are left: an answer to HEAD says so, and is none itself."""
        assert job.entry.source is not None  # noqa: S101  # it was looked at
        try:
            client.head(job.entry.source.repository, job.seen.digest)
        except UpstreamError:
            return  # the next batch will find out


def _no_login(error: ConfigError) -> Failure:
    return Failure("; ".join(error.problems))


def _manifests(weight: Weight | None) -> int:
    return weight.manifests if weight else _GUESS
