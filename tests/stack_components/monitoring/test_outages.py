"""Each service stopped, in the real rule engine, with all alerts at once: the one that its runbook names fires, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.services import SERVICES
from stack_components.monitoring.alertmanager import alertmanager_config
from tests.stack_components.monitoring import test_alerts
from tests.stack_components.monitoring.monitoring_rig import Tools, tools, write_part
from tests.stack_components.monitoring.outages import AWAY, STEP_MIN, WELL, seen
from tests.stack_components.monitoring.runbooks import told_by

# Everything that can run, on a server.
PLAN = replace(test_alerts.PLAN, services=tuple(SERVICES))
# What fires beside another alert, which holds it back: nobody is told twice.
HELD_BACK: Mapping[str, Set[str]] = {"RegistryDown": {"ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly"}}
FIRING = 'group by (alertname) (ALERTS{alertstate="firing",severity!="none"})'


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    folder = tmp_path_factory.mktemp("rules")
    write_part(PLAN, "prometheus", folder)
    with tools("prometheus", folder) as made:
        yield made


def outage(service: str, expected: Set[str]) -> dict[str, Any]:
    """What is seen when a service stops, and what fires three hours later."""
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(expected)]
    return {
        "name": service or "all run",
        "interval": f"{STEP_MIN}m",
        "input_series": [{"series": one.name, "values": one.samples(service)} for one in seen(PLAN)],
        "promql_expr_test": [{"expr": FIRING, "eval_time": f"{STEP_MIN * (WELL + AWAY - 1)}m", "exp_samples": samples}],
    }


@pytest.mark.system
def test_when_a_service_stops_the_alert_that_its_runbook_names_fires_and_no_other(promtool: Tools) -> None:
    told = {service: alert for service, alert in told_by().items() if alert}
    assert set(SERVICES) - set(told) == {"prometheus"}, "which evaluates the alerts"
    tests = [outage("", set()), *(outage(service, {alert} | HELD_BACK.get(alert, set())) for service, alert in told.items())]
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP_MIN}m", "tests": tests}
    (promtool.folder / "outages.yml").write_text(yaml.safe_dump(document))
    passed, said = promtool.call("promtool", "test", "rules", "outages.yml")
    assert passed, said


def test_what_fires_beside_another_alert_is_held_back_by_it() -> None:
    rules = alertmanager_config(PLAN).inhibit_rules

    def matches(matchers: list[str], alert: str) -> bool:
        labels = {"alertname": alert, **test_alerts.ALERTS[alert].labels}
        return all(labels[name] == value for name, value in (one.replace('"', "").split("=") for one in matchers))

    for source, targets in HELD_BACK.items():
        for target in targets:
            assert test_alerts.ALERTS[source].labels["service"] == test_alerts.ALERTS[target].labels["service"]
            assert [rule for rule in rules if matches(rule.source_matchers, source) and matches(rule.target_matchers, target)]
