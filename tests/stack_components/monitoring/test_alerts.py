"""Each alert in the real rule engine: when it fires, what it says, and when it stays quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.settings import parse
from ops.tasks.sync.measured import metrics_of
from ops.tasks.sync.status import MirrorStatus
from stack_components.monitoring.alerts import rule_file
from stack_components.monitoring.rules import Alert, Group, RuleFile, render
from tests.plans import BACKUP, CATALOGUE, MIRROR, SSH_FROM, plan_of
from tests.stack_components.monitoring import host_alert_cases, mirror_alert_cases, service_alert_cases
from tests.stack_components.monitoring.alert_cases import FIRING as _FIRING
from tests.stack_components.monitoring.alert_cases import Case
from tests.stack_components.monitoring.monitoring_rig import Tools, tools, write_part
from tests.stack_components.monitoring.quiet_alert_cases import QUIET as _QUIET

SETTINGS = {
    "place": "hetzner",
    "registry_host": "registry.example.com",
    "ntfy_token": "tk_0123456789",
    "backup": BACKUP,
    "operations": {
        "notify": {"channels": {"phone": {"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "registry"}}}
    },
}
MIRRORING = parse({**SETTINGS, "hetzner": SSH_FROM, "sync": MIRROR}, stack="test")
_PLAIN = plan_of(**SETTINGS)
# A mirror too; regsync's image is not pinned yet, so no such plan is made otherwise.
PLAN = replace(_PLAIN, settings=MIRRORING, services=(*_PLAIN.services, "regsync"), catalogue=CATALOGUE)
ALERTS = {rule.alert: rule for group in rule_file(PLAN).groups for rule in group.rules if isinstance(rule, Alert)}
_MORE = (host_alert_cases, mirror_alert_cases, service_alert_cases)
FIRING = [*_FIRING, *(case for more in _MORE for case in more.FIRING)]
QUIET = [*_QUIET, *(case for more in _MORE for case in more.QUIET)]
# Each alert with the rules that it is evaluated with. Others, a month of probes among them, would take promtool minutes.
GROUPS = {rule.alert: group for group in rule_file(PLAN).groups for rule in group.rules if isinstance(rule, Alert)}


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    folder = tmp_path_factory.mktemp("rules")
    write_part(PLAN, "prometheus", folder)
    with tools("prometheus", folder) as made:
        yield made


def expected(case: Case) -> list[dict[str, Any]]:
    if case.says is None:
        return []
    rule = ALERTS[case.alert]
    own = {name: told(text, case.labels) for name, text in rule.labels.items()}
    description = told(rule.annotations.description, case.labels)
    says = {"summary": case.says, "description": description, "runbook": rule.annotations.runbook}
    return [{"exp_labels": {**case.labels, **own}, "exp_annotations": says}]


def told(text: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)


@pytest.mark.system
@pytest.mark.parametrize("group", {group.name: group for group in GROUPS.values()}.values(), ids=lambda group: group.name)
def test_an_alert_fires_when_it_should_and_only_then(promtool: Tools, group: Group) -> None:
    (promtool.folder / "group.yml").write_text(render(RuleFile(groups=[group])))
    cases = [case for case in (*FIRING, *QUIET) if GROUPS[case.alert] is group]
    documents = []
    for evaluated in sorted({case.evaluated for case in cases}):
        tests = [of_promtool(case) for case in cases if case.evaluated == evaluated]
        document = {"rule_files": ["group.yml"], "evaluation_interval": evaluated, "tests": tests}
        documents.append(f"test-{evaluated}.yml")
        (promtool.folder / documents[-1]).write_text(yaml.safe_dump(document))
    passed, said = promtool.call("promtool", "test", "rules", *documents)
    assert passed, said


def of_promtool(case: Case) -> dict[str, Any]:
    return {
        "name": f"{case.alert}: {case.name}",
        "interval": "30s",
        "input_series": [{"series": name, "values": values.strip()} for name, values in case.series.items()],
        "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected(case)}],
    }


@pytest.mark.system
def test_a_case_that_does_not_hold_is_seen(promtool: Tools) -> None:
    (promtool.folder / "group.yml").write_text(render(RuleFile(groups=[GROUPS["CacheDown"]])))
    case = next(case for case in QUIET if case.alert == "CacheDown")
    wrong = replace(case, series={"redis_up": "0x20"})
    document = {"rule_files": ["group.yml"], "tests": [of_promtool(wrong)]}
    (promtool.folder / "wrong.yml").write_text(yaml.safe_dump(document))
    passed, said = promtool.call("promtool", "test", "rules", "wrong.yml")
    assert not passed
    assert wrong.name in said


def test_where_a_window_may_leave_one_run_a_day_a_day_and_a_half_is_waited_for() -> None:
    sync = MIRRORING.sync.model_copy(update={"window": "22:00-06:00"})
    rules = rule_file(replace(PLAN, settings=MIRRORING.model_copy(update={"sync": sync}))).groups[-1].rules
    late = {rule.alert: rule for rule in rules if isinstance(rule, Alert)}
    assert late["MirrorHasNotRun"].expr == "time() - regops_mirror_last_run_timestamp_seconds > 129600"
    assert late["MirrorNeverRan"].hold == "36h"


def test_without_a_catalogue_nobody_waits_for_the_mirror() -> None:
    assert "mirror" in {group.name for group in rule_file(PLAN).groups}
    assert "mirror" not in {group.name for group in rule_file(_PLAIN).groups}


def test_what_the_alerts_of_the_mirror_ask_for_is_measured() -> None:
    (group,) = [group for group in rule_file(PLAN).groups if group.name == "mirror"]
    asked = set(re.findall(r"regops_mirror_\w+", render(RuleFile(groups=[group]))))
    measured = {family.name for family in metrics_of(MirrorStatus((), 0, 1.0, {})).collect()}
    assert len(asked) == 4
    assert asked <= measured


def test_every_alert_is_seen_to_fire_and_to_stay_quiet() -> None:
    assert {case.alert for case in FIRING} == set(ALERTS)
    always = {"Watchdog"}
    assert {case.alert for case in QUIET} == set(ALERTS) - always


@pytest.mark.parametrize("rule", ALERTS.values(), ids=lambda rule: rule.alert)
def test_every_alert_says_whom_it_is_about_what_is_wrong_and_what_to_do(rule: Alert) -> None:
    assert set(rule.labels) == {"severity", "service"}
    assert rule.labels["severity"] in ({"none"} if rule.alert == "Watchdog" else {"critical", "warning"})
    assert 15 < len(rule.annotations.summary) < 100
    assert len(rule.annotations.description) > 25
    assert f"{PLAN.settings.name}-" in rule.annotations.description or "docker logs" not in rule.annotations.description
