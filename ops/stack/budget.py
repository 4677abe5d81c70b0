"""The error budget of a stack: how many probes of the registry may fail, how many did, and what maintenance may still cost."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ops.config import OBJECTIVE, PROBE_INTERVAL_S, PROBE_JOB
from ops.core import exit_codes
from ops.core.durations import duration
from ops.registry.holds import Hold, expected_s
from ops.registry.live import LiveRegistry
from ops.stack.prometheus import SERVICE, PrometheusError, ask, measures
from ops.stack.registry import holds_of
from ops.stack.stack import Stack

WINDOW_S = 30 * 86_400.0
_PROBED = f'probe_success{{job="{PROBE_JOB}"}}'
_PROBER = "blackbox-exporter"
_ALL, _GOOD = "all", "good"


class Allowed(StrEnum):
    """The safety check that `--allow` overrides."""

    BUDGET = "budget"


class OverBudgetError(Exception):
    """A task does not start since it would make writes be refused for too long; the message says how it does all the same."""

    exit_code = exit_codes.FAILED


@dataclass(frozen=True)
class Standing:
    """How a budget stands. A probe stands for the half minute until the next one.

    Attributes:
        window_s: The seconds that the budget is for.
        probes: How many there were.
        failed: How many of them failed.
        holds: When writes were held for maintenance. Pulls went on, so no probe noticed: it is counted apart.
    """

    window_s: float
    probes: int
    failed: int
    holds: Sequence[Hold] = ()

    @property
    def allowed_s(self) -> float:
        """For how many seconds probes may fail."""
        return (1 - OBJECTIVE) * self.window_s

    @property
    def spent_s(self) -> float:
        """For how many they did."""
        return float(self.failed * PROBE_INTERVAL_S)

    @property
    def left_s(self) -> float:
        """What is left of it in seconds; negative when it is overspent."""
        return self.allowed_s - self.spent_s

    @property
    def held_s(self) -> float:
        """For how many seconds writes were held for maintenance."""
        return sum(hold.seconds for hold in self.holds)

    @property
    def refused_s(self) -> float:
        """For how many of these they were held for so long that new ones were refused."""
        return sum(hold.refused_s for hold in self.holds)

    @property
    def left_for_maintenance_s(self) -> float:
        """For how many seconds tasks may make writes be refused without asking: who pushes has had both, outages and these."""
        return max(0.0, self.left_s - self.refused_s)


def standing_of_budget(stack: Stack, *, since: float, until: float, window_s: float) -> Standing:
    """Return how a stack's budget stands.

    Args:
        stack: The stack.
        since: From when on probes count, in seconds since 1970.
        until: Until when.
        window_s: The seconds that the budget is for; those that are still to come count, too.

    Raises:
        PrometheusError: It cannot say.
    """
    if not measures(stack, _PROBER):
        raise PrometheusError(
            "nothing probes this registry: monitoring is switched off, or Prometheus or the blackbox exporter is left out"
        )
    probes = _probes(since, until)
    counts = {_ALL: f"sum(count_over_time({probes}))", _GOOD: f"sum(sum_over_time({probes}))"}
    asked = " or ".join(f'label_replace({expr}, "of", "{name}", "", "")' for name, expr in counts.items())
    found = {one.labels.get("of"): one.samples[-1][1] for one in ask(stack, asked, until)}
    if not all(map(math.isfinite, found.values())):
        raise PrometheusError(f"{SERVICE} has counted probes that are no number")
    count = round(found.get(_ALL, 0.0))
    return Standing(window_s, count, count - round(found.get(_GOOD, 0.0)), held_since(stack, since))


def held_since(stack: Stack, since: float) -> list[Hold]:
    """Return the times that tasks have held writes; none if nothing can be read."""
    with contextlib.suppress(OSError):
        return holds_of(stack).all(since)
    return []


def over_budget(stack: Stack, task: str, files: int, *, sliced: bool) -> str:
    """Return why a task should not make writes be refused now; empty if it may, or if nobody knows.

    Prometheus is only asked when times before tell that writes will be refused at all.

    Args:
        stack: The stack.
        task: The task.
        files: How many files it would remove or put back.
        sliced: Whether it lets writes through now and then, or holds them until it is done.
    """
    expected = expected_s(held_since(stack, 0.0), task, files, sliced=sliced)
    if not expected:
        return ""
    now = time.time()
    try:
        left_s = standing_of_budget(stack, since=now - WINDOW_S, until=now, window_s=WINDOW_S).left_for_maintenance_s
    except PrometheusError:
        return ""
    if expected <= left_s:
        return ""
    return (
        f"writes would be refused for about {duration(expected)}, as times before tell, and {duration(left_s)} of the error "
        f"budget is left: `regops budget` shows what has spent it; wait, or pass --allow budget"
    )


def guarded(live: LiveRegistry, stack: Stack, task: str, allowed: Collection[Allowed]) -> LiveRegistry:
    """Return a registry for a task that holds writes until it is done; if that would be for too long, `OverBudgetError` ends it.

    Args:
        live: The registry.
        stack: Its stack.
        task: The task.
        allowed: Checks that are overridden.
    """

    def may_hold(files: int) -> None:
        if reason := over_budget(stack, task, files, sliced=False):
            raise OverBudgetError(f"{Allowed.BUDGET}: {reason}")

    return live if Allowed.BUDGET in allowed else replace(live, may_hold=may_hold)


def probes_of(stack: Stack, *, since: float, until: float) -> Iterator[tuple[float, bool]]:
    """Yield each probe: when it was, in seconds since 1970, and whether it succeeded. Oldest first.

    Raises:
        PrometheusError: Prometheus cannot say.
    """
    found = ask(stack, _probes(since, until), until)
    for at, value in sorted(sample for series in found for sample in series.samples):
        yield at, value == 1


def _probes(since: float, until: float) -> str:
    return f"{_PROBED}[{max(1, round(until - since))}s]"
