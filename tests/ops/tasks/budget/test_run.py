"""The error budget from a real Prometheus that remembers an outage, and tasks that may not make it worse."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.registry.holds import Hold
from ops.registry.live import LiveRegistry
from ops.registry.read_only import WritesInFlight
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.stack.budget import WINDOW_S, Allowed, OverBudgetError, guarded, over_budget, standing_of_budget
from ops.stack.prometheus import PrometheusError, ask
from ops.stack.registry import holds_of, read_only_of
from ops.stack.stack import Stack
from ops.tasks.budget.run import measure
from stack_components.monitoring.error_budget import failed
from tests.ops.command_line import regops
from tests.ops.stack.prometheus_rig import BLIP_S, OUTAGE_PROBES, OUTAGE_S, Past, prometheus_with_a_past
from tests.ops.tasks.gc.gc_rig import NO_CACHE

DAY_S = 86_400
pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with prometheus_with_a_past(tmp_path_factory.mktemp("past")) as given:
        yield given


@pytest.fixture(autouse=True)
def nothing_was_held(request: pytest.FixtureRequest) -> None:
    if "past" in request.fixturenames:
        (request.getfixturevalue("past").stack.data / "read-only.jsonl").unlink(missing_ok=True)


def test_what_is_spent_and_by_what(past: Past) -> None:
    report = measure(past.stack, now=datetime.fromtimestamp(past.now, UTC))
    assert report.standing
    assert (report.standing.probes, report.standing.failed) == (28_800, OUTAGE_PROBES + 1)
    assert report.standing.left_s == pytest.approx(12_960 - 30 * (OUTAGE_PROBES + 1))
    assert [(past.now - one.began, one.seconds, one.causes) for one in report.incidents] == [
        (OUTAGE_S, 30 * OUTAGE_PROBES, ["registry started again"]),
        (BLIP_S, 30, []),
    ]
    assert report.measured == pytest.approx(1 / 3, abs=0.001)


def test_it_is_what_the_rules_of_prometheus_compute(past: Past) -> None:
    standing = standing_of_budget(past.stack, since=past.now - WINDOW_S, until=past.now, window_s=WINDOW_S)
    (rule,) = ask(past.stack, failed("30d", 30 * DAY_S), past.now)
    assert standing.spent_s / WINDOW_S == pytest.approx(rule.samples[0][1])


def test_of_a_month_what_is_to_come_counts_too(past: Past) -> None:
    at = datetime.fromtimestamp(past.now, UTC)
    report = measure(past.stack, month=True, now=at)
    assert report.what == f"{at:%B %Y}"
    assert datetime.fromtimestamp(report.since, UTC) == at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert report.standing
    assert report.standing.allowed_s in [pytest.approx(0.005 * days * DAY_S) for days in (28, 29, 30, 31)]


def test_the_command_says_it(past: Past) -> None:
    told = regops(past.stack.root, "budget")
    assert told.returncode == 0, told.stderr
    assert "12 minutes and 30 seconds: registry started again" in told.stdout
    document = json.loads(regops(past.stack.root, "budget", "--json").stdout)["budget"]
    assert (document["failed_probes"], document["spent_seconds"]) == (26, 780)


def test_a_task_asks_when_writes_would_be_refused_for_longer_than_is_left(past: Past, tmp_path: Path) -> None:
    holds_of(past.stack).add(Hold("restore", time.time() - 100, 60.0, files=100))
    assert over_budget(past.stack, "restore", 1000, sliced=False) == "", "ten minutes are left"
    reason = over_budget(past.stack, "restore", 30_000, sliced=False)
    assert "refused for about 4 hours, 59 minutes and 40 seconds, as times before tell, and 3 hours, 22 minutes and" in reason
    assert reason.endswith("wait, or pass --allow budget")
    live = registry_in(tmp_path, past.stack)
    with pytest.raises(OverBudgetError, match=r"^budget: writes would be refused"):
        guarded(live, past.stack, "restore", ()).may_hold(30_000)
    guarded(live, past.stack, "restore", [Allowed.BUDGET]).may_hold(30_000)


def test_a_question_that_it_does_not_understand(past: Past) -> None:
    with pytest.raises(PrometheusError, match=r"-prometheus does not answer \(.*400 Bad Request\); `docker logs .*` says why"):
        ask(past.stack, "up{", past.now)


# The last one: it stops.


def test_a_prometheus_that_is_down_is_said_and_is_in_nobodys_way(past: Past) -> None:
    past.prometheus.stop(timeout=1)
    holds_of(past.stack).add(Hold("gc", time.time() - 100, 60.0, files=1))
    assert over_budget(past.stack, "gc", 1_000_000, sliced=True) == ""
    told = regops(past.stack.root, "budget")
    assert told.returncode == 13
    assert "unknown    " in told.stdout
    assert "is not running" in told.stdout


def registry_in(folder: Path, stack: Stack) -> LiveRegistry:
    tree = RegistryTree(folder)
    return LiveRegistry(tree, SnapshotStore(folder / "snapshots", tree), read_only_of(stack), WritesInFlight, NO_CACHE)
