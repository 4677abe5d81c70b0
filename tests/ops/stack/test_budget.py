"""When tasks ask before they make writes be refused: never where nobody knows, and without asking where nothing will be."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ops.registry.holds import Hold
from ops.stack import prometheus
from ops.stack.budget import over_budget
from ops.stack.registry import holds_of
from tests.ops.command_line import regops
from tests.ops.runs.test_task import stack_in

LIMITS = {"cpus": 1, "memory_mib": 64}
SERVICES = {"prometheus": LIMITS, "blackbox-exporter": LIMITS}


@pytest.mark.parametrize("left_out", SERVICES)
def test_a_stack_that_measures_nothing_says_so_and_starts_what_it_is_told(tmp_path: Path, left_out: str) -> None:
    stack = stack_in(tmp_path, services={name: limits for name, limits in SERVICES.items() if name != left_out})
    holds_of(stack).add(Hold("gc", time.time(), 60.0, files=1))
    assert over_budget(stack, "gc", 1000, sliced=True) == ""
    told = regops(stack.root, "budget")
    assert told.returncode == 13
    assert "nothing probes this registry: monitoring is switched off" in told.stdout
    assert json.loads(regops(stack.root, "budget", "--json").stdout)["budget"]["unknown"].startswith("nothing probes")


def test_prometheus_is_not_asked_where_nothing_will_be_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_asks(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(prometheus, "run", nobody_asks)
    stack = stack_in(tmp_path, services=SERVICES)
    assert over_budget(stack, "gc", 1000, sliced=True) == ""
    holds_of(stack).add(Hold("gc", time.time(), 0.9, files=10))
    assert over_budget(stack, "gc", 1_000_000, sliced=True) == ""
    holds_of(stack).add(Hold("gc", time.time(), 60.0, files=10))
    with pytest.raises(AssertionError):
        over_budget(stack, "gc", 1_000_000, sliced=True)
