"""What a run would do: each upstream registry is asked by itself, all of them at once. It imports nothing that copying needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TypeVar

from ops.tasks.sync.eta import Eta, Speed, eta_of, speed_of
from ops.tasks.sync.mirror import Mirror
from ops.tasks.sync.model import EntryPlan, MirrorEntry
from ops.tasks.sync.one_upstream import OneUpstream
from ops.upstream.budget import Budget

_T = TypeVar("_T")
# More registries than anybody mirrors from: none waits for another.
_MOST_UPSTREAMS = 64


@dataclass(frozen=True)
class SyncPlan:
    """What a run would do.

    Attributes:
        entries: What would become of each entry.
        budgets: By registry that counts pulls, what it grants.
        off: How many entries are switched off.
        seconds: How long it took to look.
        read: By registry, how many manifests were fetched to know sizes.
        speeds: By registry, how fast copies were.
    """

    entries: tuple[EntryPlan, ...]
    budgets: dict[str, Budget]
    off: int
    seconds: float
    read: Mapping[str, int] = field(default_factory=dict)
    speeds: Mapping[str, Speed] = field(default_factory=dict)

    def eta(self, reserve: int) -> Eta | None:
        """Return how long all copies take, registries side by side; None if that is not known yet.

        Args:
            reserve: How many pulls are left for people.
        """
        found = [Eta(0.0)]
        for upstream in {job.entry.upstream for one in self.entries for job in one.jobs}:
            weights = [job.weight for one in self.entries for job in one.jobs if job.entry.upstream == upstream]
            known = [weight for weight in weights if weight]
            size, pulls = sum(one.size for one in known), sum(one.manifests for one in known)
            eta = eta_of(size, pulls, self.budgets.get(upstream), reserve, speed_of(self.speeds, upstream))
            if eta is None or len(known) < len(weights):
                return None
            found.append(eta)
        return max(found, key=lambda one: one.seconds)


def plan_all(
    mirror: Mirror, entries: Iterable[MirrorEntry], tell: Callable[[str], None] = lambda _: None, *, exact: bool = False
) -> SyncPlan:
    """Return what would be done with entries now, due or not. Nothing changes.

    Args:
        mirror: Whose.
        entries: Which.
        tell: Told how far it has come.
        exact: Whether to read the manifests of what would be copied, which costs pulls.

    Raises:
        MirrorStateError: What is remembered cannot be read.
        ConfigError: A login cannot be read.
    """
    began, entries = time.monotonic(), list(entries)
    on = [entry for entry in entries if entry.enabled]
    plans = {entry.key: EntryPlan(entry, failure=entry.failure) for entry in on}
    budgets, read = dict[str, Budget](), dict[str, int]()
    for upstream, found in side_by_side(mirror, on, lambda one: one.plans(exact=exact), tell):
        plans.update((plan.entry.key, plan) for plan in found.entries)
        for plan in found.entries:
            if plan.entry.of:
                plans.pop(plan.entry.of.key, None)  # its repositories stand for it
        if found.budget is not None:
            budgets[upstream.name] = found.budget
        if found.read:
            read[upstream.name] = found.read
    took, off = time.monotonic() - began, len(entries) - len(on)
    return SyncPlan(tuple(plans.values()), budgets, off, took, read, mirror.state.speeds())


def side_by_side(
    mirror: Mirror, entries: Iterable[MirrorEntry], work: Callable[[OneUpstream], _T], tell: Callable[[str], None]
) -> Iterator[tuple[OneUpstream, _T]]:
    """Yield each registry with what the work returned for it, the first that is done first."""
    upstreams = mirror.upstreams([entry for entry in entries if entry.failure is None], tell)
    if not upstreams:
        return
    with ThreadPoolExecutor(min(len(upstreams), _MOST_UPSTREAMS), thread_name_prefix="upstream") as pool:
        working = {pool.submit(work, upstream): upstream for upstream in upstreams}
        try:
            for done in as_completed(working):
                yield working[done], done.result()
        except BaseException:
            mirror.stop.set()  # else the pool would wait for all that is being copied
            raise
