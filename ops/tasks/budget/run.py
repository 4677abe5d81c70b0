"""Measures the error budget of a stack."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ops.runs.history import history_of
from ops.stack.budget import WINDOW_S, probes_of, standing_of_budget
from ops.stack.prometheus import PrometheusError, ask
from ops.stack.stack import Stack
from ops.tasks.budget.incidents import incidents, with_causes
from ops.tasks.budget.model import Report

_SERVICES = "registry|edge|gateway|blackbox-exporter|prometheus"
_STARTS = f'{{__name__=~"process_start_time_seconds|node_boot_time_seconds",job=~"{_SERVICES}|node-exporter"}}'
_BOOT = "node_boot_time_seconds"


def measure(stack: Stack, *, month: bool = False, now: datetime | None = None) -> Report:
    """Return how the error budget of a stack stands; what cannot be known is said in the report.

    Args:
        stack: The stack.
        month: Of this calendar month, in UTC, instead of the last 30 days.
        now: The time; None for the present one.
    """
    at = now or datetime.now(UTC)
    begin, window_s, what = _month(at) if month else (at - timedelta(seconds=WINDOW_S), WINDOW_S, "the last 30 days")
    since, until = begin.timestamp(), at.timestamp()
    try:
        standing = standing_of_budget(stack, since=since, until=until, window_s=window_s)
        found = list(incidents(probes_of(stack, since=since, until=until))) if standing.failed else []
    except PrometheusError as error:
        return Report(what, since, until, None, unknown=str(error))
    if found:
        runs, releases, starts = history_of(stack).runs(), _releases(stack), _starts(stack, since, until)
        found = [with_causes(one, runs, releases, starts) for one in found]
    return Report(what, since, until, standing, found)


def _month(at: datetime) -> tuple[datetime, float, str]:
    """Return when the month began, how long it is, and what it is called."""
    begin = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (begin + timedelta(days=31)).replace(day=1)
    return begin, (after - begin).total_seconds(), f"{begin:%B %Y}"


def _releases(stack: Stack) -> Mapping[str, float]:
    """Return when `up` has installed each of the last releases, in seconds since 1970."""
    found = dict[str, float]()
    with contextlib.suppress(OSError):
        for folder in (stack.root / "releases").iterdir():
            found[folder.name] = folder.stat().st_mtime
    return found


def _starts(stack: Stack, since: float, until: float) -> list[tuple[str, float]]:
    """Return which services, or the machine, have started when; nothing if Prometheus cannot say."""
    try:
        found = ask(stack, f"{_STARTS}[{round(until - since)}s:5m]", until)
    except PrometheusError:
        return []
    return [
        ("the machine" if one.labels["__name__"] == _BOOT else one.labels["job"], value)
        for one in found
        for _, value in one.samples
    ]
