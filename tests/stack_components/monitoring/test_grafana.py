"""What Grafana is given. There is no package of it, so its files are only checked against its model and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_components.monitoring import grafana
from stack_components.monitoring.dashboard import registry_dashboard
from stack_components.monitoring.panels import DATASOURCE_UID, graph, placed, stat
from tests.plans import EVERYTHING, plan_of
from tests.stack_components.monitoring.monitoring_rig import tools

PLAN = plan_of(**EVERYTHING)
DASHBOARD: dict[str, Any] = json.loads(grafana.dashboards(PLAN)["registry.json"])


def environment(**settings: Any) -> dict[str, str]:
    return dict(grafana.environment(plan_of(**settings), password_file="/password", secret_key_file="/key"))


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboard, by the title of its panel."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_the_data_source_is_prometheus_under_its_path() -> None:
    (source,) = yaml.safe_load(grafana.datasources()["prometheus.yaml"])["datasources"]
    assert source == {
        "name": "Prometheus",
        "uid": DATASOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus.dashboards:9090/prometheus",
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": "30s", "httpMethod": "POST"},
    }


def test_the_dashboard_lies_where_its_provider_looks() -> None:
    files = grafana.dashboards(PLAN)
    (provider,) = yaml.safe_load(files["provider.yaml"])["providers"]
    assert provider["options"]["path"] == grafana.DASHBOARDS_FOLDER
    home = environment()["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{grafana.DASHBOARDS_FOLDER}/") in files


def test_no_provisioned_file_has_what_grafana_would_take_for_a_variable() -> None:
    provisioned = [*grafana.datasources().values(), grafana.dashboards(PLAN)["provider.yaml"]]
    assert not any("$" in text for text in provisioned)


def test_the_dashboard_is_one_that_grafana_can_import_again_and_again() -> None:
    assert DASHBOARD["uid"] == "registry"
    assert not {"id", "__inputs", "__requires"} & set(DASHBOARD)
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert numbers == sorted(set(numbers))


def test_every_panel_asks_the_provisioned_data_source() -> None:
    for panel in DASHBOARD["panels"]:
        assert {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])} == {DATASOURCE_UID}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        squares = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not taken & squares
        taken |= squares


def test_panels_stand_from_left_to_right() -> None:
    figure, line = stat("s", "1", "none", good_from=1), graph("g", "none", {"x": "1"})
    places = [
        (panel["gridPos"]["x"], panel["gridPos"]["y"], panel["gridPos"]["h"])
        for panel in placed([figure, figure, line, line, line])
    ]
    assert places == [(0, 0, 4), (6, 0, 4), (0, 4, 8), (12, 4, 8), (0, 12, 8)]


def test_services_that_do_not_run_have_no_panels() -> None:
    titles = {title for title, _ in expressions()}
    without = {panel["title"] for panel in registry_dashboard(plan_of(monitoring={"cadvisor": False}))["panels"]}
    assert titles - without == {"Containers: memory used, of their limit", "Containers: CPU cores used"}


@pytest.mark.system
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    asked = list(expressions())
    assert len(asked) > 25
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "2m")} for number, (_, expr) in enumerate(asked)
    ]
    assert not any("$" in str(rule["expr"]) for rule in rules)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    with tools("prometheus", tmp_path) as prometheus:
        accepted, said = prometheus.call("promtool", "check", "rules", "rules.yml")
    assert accepted, said
    assert f"{len(asked)} rules found" in said


def test_grafana_believes_the_edge_who_has_signed_on() -> None:
    given = environment()
    assert given["GF_AUTH_PROXY_ENABLED"] == "true"
    assert (given["GF_AUTH_PROXY_HEADER_NAME"], given["GF_AUTH_PROXY_HEADER_PROPERTY"]) == ("X-Auth-Request-User", "username")
    assert given["GF_USERS_AUTO_ASSIGN_ORG_ROLE"] == "Admin"
    assert given["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert (given["GF_USERS_ALLOW_SIGN_UP"], given["GF_AUTH_BASIC_ENABLED"]) == ("false", "false")


def test_those_whom_an_identity_provider_knows_look_only() -> None:
    given = environment(**EVERYTHING)
    assert (given["GF_AUTH_PROXY_HEADER_NAME"], given["GF_AUTH_PROXY_HEADER_PROPERTY"]) == ("X-Auth-Request-User", "email")
    assert given["GF_USERS_AUTO_ASSIGN_ORG_ROLE"] == "Viewer"


@pytest.mark.parametrize(
    ("settings", "url", "secure"),
    [
        ({}, "http://localhost:8080/grafana/", "false"),
        ({"edge": {"bind": "192.0.2.1"}}, "https://192.0.2.1:8443/grafana/", "true"),
        ({"place": "hetzner", "registry_host": "registry.example.com"}, "https://registry.example.com/grafana/", "true"),
    ],
)
def test_grafana_is_under_the_address_of_the_stack(settings: dict[str, Any], url: str, secure: str) -> None:
    given = environment(**settings)
    assert given["GF_SERVER_ROOT_URL"] == url
    assert given["GF_SERVER_SERVE_FROM_SUB_PATH"] == "true"
    assert given["GF_SECURITY_COOKIE_SECURE"] == secure


def test_grafana_gets_secrets_by_file_and_asks_nobody_outside() -> None:
    given = environment()
    assert {name: value for name, value in given.items() if name.endswith("__FILE")} == {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": "/password",
        "GF_SECURITY_SECRET_KEY__FILE": "/key",
    }
    assert given["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    for name in ("REPORTING_ENABLED", "CHECK_FOR_UPDATES", "CHECK_FOR_PLUGIN_UPDATES"):
        assert given[f"GF_ANALYTICS_{name}"] == "false"
