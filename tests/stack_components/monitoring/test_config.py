"""The rendered files, word for word, and what of them depends on the stack."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ops.config import WATCHDOG
from ops.events.alert_inbox import SILENT_S
from ops.notify.again import REPEATED_S
from ops.notify.alertmanager import FORGOTTEN_S
from stack_components.monitoring import alertmanager, alerts, blackbox, prometheus
from stack_components.monitoring.rules import Alert
from tests.plans import EVERYTHING, plan_of

SERVER: dict[str, Any] = {"place": "hetzner", "registry_host": "registry.example.com"}

GOTIFY = {"gotify_url_secret": "https://gotify.example.com", "gotify_token": "A.token"}
# There is a channel for messages.
TOLD: dict[str, Any] = {"operations": {"notify": {"channels": {"desk": {"kind": "gotify"}}}}, **GOTIFY}


def scraped(**settings: Any) -> dict[str, Any]:
    """The jobs of a stack by name."""
    document = yaml.safe_load(prometheus.render(prometheus.prometheus_config(plan_of(**settings))))
    return {job["job_name"]: job for job in document["scrape_configs"]}


def raised(**settings: Any) -> set[str]:
    """The names of a stack's alerts."""
    groups = alerts.rule_file(plan_of(**settings)).groups
    return {rule.alert for group in groups for rule in group.rules if isinstance(rule, Alert)}


def test_prometheus_yml() -> None:
    plan = plan_of(ui={"enabled": False}, protection={"enabled": False}, monitoring={"grafana": False})
    services = "|".join(
        [
            *("registry", "cache", "edge", "gateway", "console", "prometheus", "alertmanager", "cadvisor-socket", "cadvisor"),
            *("node-exporter", "redis-exporter", "blackbox-exporter"),
        ]
    )
    assert (
        prometheus.render(prometheus.prometheus_config(plan))
        == f"""\
global:
  scrape_interval: 30s
  scrape_timeout: 10s
  evaluation_interval: 30s
  external_labels:
    stack: registry-test
alerting:
  alertmanagers:
  - static_configs:
    - targets:
      - alertmanager.metrics:9093
scrape_configs:
- job_name: prometheus
  metrics_path: /prometheus/metrics
  static_configs:
  - targets:
    - 127.0.0.1:9090
- job_name: alertmanager
  static_configs:
  - targets:
    - alertmanager.metrics:9093
- job_name: registry
  static_configs:
  - targets:
    - registry.registry-metrics:5001
- job_name: gateway
  static_configs:
  - targets:
    - gateway.gateway-metrics:8081
- job_name: console
  static_configs:
  - targets:
    - console.console-metrics:8081
- job_name: edge
  static_configs:
  - targets:
    - edge.metrics:9180
- job_name: cadvisor
  track_timestamps_staleness: true
  static_configs:
  - targets:
    - cadvisor.metrics:8080
  metric_relabel_configs:
  - source_labels:
    - name
    regex: (registry-test-({services}))?
    action: keep
  - source_labels:
    - name
    regex: registry-test-({services})
    target_label: name
- job_name: node-exporter
  static_configs:
  - targets:
    - node-exporter.metrics:9100
  metric_relabel_configs:
  - source_labels:
    - mountpoint
    regex: /
    target_label: disk
    replacement: docker
  - source_labels:
    - mountpoint
    regex: /metrics
    target_label: disk
    replacement: data
- job_name: redis-exporter
  static_configs:
  - targets:
    - redis-exporter.metrics:9121
- job_name: blackbox-exporter
  static_configs:
  - targets:
    - blackbox-exporter.metrics:9115
- job_name: probe
  metrics_path: /probe
  params:
    module:
    - http_registry
  static_configs:
  - targets:
    - http://edge.inner:8080/v2/
  relabel_configs:
  - source_labels:
    - __address__
    target_label: __param_target
  - source_labels:
    - __param_target
    target_label: instance
  - target_label: __address__
    replacement: blackbox-exporter.metrics:9115
rule_files:
- rules.yml
"""
    )


def test_what_does_not_run_is_not_scraped() -> None:
    everything = set(scraped(**EVERYTHING))
    assert everything == {
        *("prometheus", "alertmanager", "registry", "gateway", "console", "edge", "grafana", "cadvisor", "crowdsec"),
        *("probe", "node-exporter", "redis-exporter", "blackbox-exporter"),
    }
    little = set(scraped(protection={"enabled": False}, monitoring={"grafana": False, "cadvisor": False}))
    assert everything - little == {"crowdsec", "grafana", "cadvisor"}


def test_a_server_is_probed_by_its_public_name() -> None:
    host = "registry.example.com"
    for given in (host, f"{host}:8443"):  # inside, the edge has the port of TLS
        probe = scraped(place="hetzner", registry_host=given)["probe"]
        assert probe["static_configs"] == [{"targets": [f"https://{host}/v2/"]}]


@pytest.mark.parametrize(
    ("container", "kept", "name"),
    [
        ("registry-test-edge", True, "edge"),
        ("registry-test-cadvisor-socket", True, "cadvisor-socket"),
        ("registry-test-2-edge", False, None),
        ("other", False, None),
        ("", True, None),  # the host as a whole
    ],
)
def test_of_all_containers_of_the_engine_this_stacks_are_kept(container: str, kept: bool, name: str | None) -> None:
    keep, rename = scraped()["cadvisor"]["metric_relabel_configs"]
    assert bool(re.fullmatch(keep["regex"], container)) is kept
    found = re.fullmatch(rename["regex"], container)
    assert (found[1] if found else None) == name


def test_alerts_are_about_services_that_run() -> None:
    everything = raised(**SERVER)
    assert {"AlertsNotDelivered", WATCHDOG} <= everything
    on_servers = {"CertificateExpires", "ClockNotSynchronised", "ClockSkewed", "NoTaskRuns", "TaskNeverSucceeded", "TaskOverdue"}
    measured = {"BackupSuspicious", "DiskReadOnly", "NameNotResolved", "TaskMetricsStale", "UnitFailed", "UnitRestarts"}
    measured |= {"ConntrackAlmostFull", "GcRefused"}
    assert everything - raised() == on_servers | measured
    assert everything - raised(**SERVER, protection={"enabled": False}) == {"CrowdSecReadsNothing"}
    without = raised(**SERVER, monitoring={"cadvisor": False})
    assert {name for name in everything - without if not name.startswith("Container")} == {"ServiceStopped"}
    assert not [name for name in without if name.startswith("Container")]
    channel = {"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "registry"}
    notify = {"notify": {"channels": {"phone": channel}}}
    more = raised(**SERVER, operations=notify, ntfy_token="tk_0123456789")
    assert more - everything == {"MessagesWait"}
    assert everything - raised(**SERVER | {"registry_host": "192.0.2.7"}) == {"NameNotResolved"}


def test_alertmanager_yml() -> None:
    assert (
        alertmanager.render(alertmanager.alertmanager_config(plan_of(**TOLD)))
        == """\
route:
  receiver: gateway
  group_by:
  - alertname
  - service
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
  routes:
  - receiver: gateway
    matchers:
    - alertname="Watchdog"
    group_wait: 0s
    group_interval: 20s
    repeat_interval: 1m
  - receiver: nobody
    matchers:
    - severity="none"
  - receiver: gateway
    matchers:
    - severity=~"critical|page"
    group_wait: 10s
    group_interval: 1m
    repeat_interval: 5m
receivers:
- name: nobody
- name: gateway
  webhook_configs:
  - url: http://gateway.alerts:8082/alerts
    send_resolved: true
    max_alerts: 50
    http_config:
      authorization:
        credentials_file: /run/secrets/alerts-token
inhibit_rules:
- source_matchers:
  - severity="critical"
  target_matchers:
  - severity="warning"
  equal:
  - service
- source_matchers:
  - alertname="RegistryDown"
  target_matchers:
  - alertname="ErrorBudgetBurnsFast"
  equal:
  - service
"""
    )


def test_without_channels_alerts_are_only_shown_and_it_is_seen_whether_they_would_arrive() -> None:
    document = yaml.safe_load(alertmanager.render(alertmanager.alertmanager_config(plan_of())))
    assert document["route"]["receiver"] == "nobody"
    assert [(route["receiver"], route["matchers"]) for route in document["route"]["routes"]] == [
        ("gateway", ['alertname="Watchdog"'])
    ]
    old = plan_of(monitoring={"ntfy_url": "https://ntfy.example.com/alerts"})
    assert alertmanager.alertmanager_config(old) == alertmanager.alertmanager_config(plan_of(**TOLD))


def test_what_always_fires_is_handed_over_much_more_often_than_its_absence_is_told() -> None:
    assert SILENT_S > 80 * 3
    assert FORGOTTEN_S > 2 * 3600, "each hour Alertmanager says again what fires"
    assert REPEATED_S < 5 * 60, "each five minutes it says again what is urgent"


@pytest.mark.parametrize(("settings", "tls"), [({}, "false"), (SERVER, "true")])
def test_blackbox_yml(settings: dict[str, Any], tls: str) -> None:
    assert (
        blackbox.render(blackbox.blackbox_config(plan_of(**settings).settings))
        == f"""\
modules:
  http_registry:
    prober: http
    timeout: 9s
    http:
      valid_status_codes:
      - 200
      - 401
      follow_redirects: false
      fail_if_not_ssl: {tls}
      preferred_ip_protocol: ip4
"""
    )


def test_keys_that_a_program_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="scrape_intervall"):
        prometheus.Global.model_validate({"external_labels": {}, "scrape_intervall": "1s"})
