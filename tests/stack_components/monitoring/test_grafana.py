"""What Grafana is given. There is no package of it, so its files are only checked against its model and Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_components.monitoring import grafana
from stack_components.monitoring.dashboards.shown import DATASOURCE_UID
from tests.plans import EVERYTHING, plan_of
from tests.stack_components.monitoring.dashboard_queries import queries
from tests.stack_components.monitoring.monitoring_rig import tools

PLAN = plan_of(**EVERYTHING)


def environment(**settings: Any) -> dict[str, str]:
    return dict(grafana.environment(plan_of(**settings), password_file="/password", secret_key_file="/key"))


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


def test_dashboards_lie_where_their_provider_looks() -> None:
    files = grafana.dashboards(PLAN)
    (provider,) = yaml.safe_load(files["provider.yaml"])["providers"]
    assert provider["options"]["path"] == grafana.DASHBOARDS_FOLDER
    home = environment()["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{grafana.DASHBOARDS_FOLDER}/") in files


def test_no_provisioned_file_has_what_grafana_would_take_for_a_variable() -> None:
    provisioned = [*grafana.datasources().values(), grafana.dashboards(PLAN)["provider.yaml"]]
    assert not any("$" in text for text in provisioned)


@pytest.mark.system
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    asked = queries()
    assert len(asked) > 150
    rules = [{"record": f"panel:{number}", "expr": query.expr} for number, query in enumerate(asked)]
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
