"""Finds incidents in the probes, and what happened on the host at that time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ops.config import PROBE_INTERVAL_S
from ops.runs.history import Run
from ops.tasks.budget.model import Incident

# Without a probe for so long, nobody knows whether it was one incident or two.
_GAP_S = 5 * PROBE_INTERVAL_S
# What happened so long before may be the cause: a service takes a while to start, and a machine a while to go down.
_BEFORE_S = 120.0
# Tasks that run so often, and do so little, that they say nothing.
_QUIET = {"changes", "doctor", "notify", "snapshot"}


def incidents(probes: Iterable[tuple[float, bool]]) -> Iterator[Incident]:
    """Yield the incidents, oldest first.

    Args:
        probes: When each was, in seconds since 1970, and whether it succeeded; oldest first.
    """
    first, last, count = 0.0, 0.0, 0
    for at, good in probes:
        if count and (good or at - last > _GAP_S):
            yield Incident(first, count)
            count = 0
        if not good:
            first, last, count = (first if count else at), at, count + 1
    if count:
        yield Incident(first, count)


def with_causes(
    incident: Incident, runs: Sequence[Run], releases: Mapping[str, float], starts: Sequence[tuple[str, float]]
) -> Incident:
    """Return an incident with what is known of that time.

    Args:
        incident: The incident.
        runs: The history.
        releases: When `up` has installed each release.
        starts: Which services, or the machine, have started when.
    """
    begin, end = incident.began - _BEFORE_S, incident.ended
    found = [f"`up` installed release {name[:12]}" for name, at in releases.items() if begin <= at <= end]
    found += [
        f"{run.task} ran ({run.run_id})" for run in runs if run.task not in _QUIET and run.at <= end and _ended(run, end) >= begin
    ]
    started = sorted({name for name, at in starts if begin <= at <= end + _BEFORE_S})
    return replace(incident, causes=[*found, *(f"{name} started again" for name in started)])


def _ended(run: Run, running: float) -> float:
    """Return when a run ended; one that has no end may have been running."""
    return running if run.seconds is None else run.at + run.seconds
