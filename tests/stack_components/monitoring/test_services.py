"""The real programs, started as the stack declares them: Prometheus scrapes all, and alerts become messages at a real ntfy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from infra.regops import METRICS_FOLDER
from ops.config import REGOPS_FILE, NotifySettings, RegopsConfig
from ops.config import render as render_config
from ops.config.notify import NtfyChannel
from ops.core.files import write_atomic
from ops.credentials.keys import public_jwks, signing_key_from_seed
from ops.stack.alerts import alert_inbox
from ops.stack.stack import Stack as RegopsStack
from ops.tasks.notify.run import deliver
from stack_components.cache.config import users_acl
from stack_components.console import component as console
from stack_components.gateway import component as gateway
from stack_components.monitoring import alerts, exporters, services
from stack_components.monitoring.alerts import rule_file
from stack_components.monitoring.component import redis_passwords
from stack_components.monitoring.rules import render
from stack_components.registry.component import config as registry_config
from stack_components.registry.config import render as render_registry
from stack_components.service import Healthcheck, ServiceArgs
from tests.loopback_server import Answer, serving
from tests.ops.notify.ntfy_server import TOPIC, NtfyServer, ntfy_server
from tests.plans import plan_of
from tests.stack_components.monitoring.living import MEASURED, WITHOUT_DATA, raised, with_data, write_all
from tests.stack_components.monitoring.monitoring_rig import Stack, run_in, running_stack, wait_for
from tests.stack_components.monitoring.promql import selectors
from tests.stack_components.monitoring.runbooks import told_by
from tests.stack_components.monitoring.test_config import TOLD

pytestmark = pytest.mark.system

# Those for which there are images here, without what is not theirs.
PLAN = plan_of(protection={"enabled": False}, monitoring={"grafana": False, "cadvisor": False}, **TOLD)
# Half a minute is long in a test.
EVALUATED_S = 2
SOONER = {
    **dict.fromkeys(["30s", "10s"], f"{EVALUATED_S}s"),
    "for: 2m": "for: 0s",
    **dict.fromkeys(["interval: 20s", "interval: 1m"], "interval: 1s"),
}
# What Prometheus said before it had found Alertmanagers is lost; by default it says it again after a minute.
SAID_AGAIN = "--rules.alert.resend-delay=2s"
# Prometheus, which would tell, is left alone; what waits for Alertmanager is dropped, which shows for minutes.
STOPPED = (
    "gateway",
    "console",
    "cache",
    "redis-exporter",
    "blackbox-exporter",
    "node-exporter",
    "registry",
    "edge",
    "alertmanager",
)
EVENTS_TOKEN, ALERTS_TOKEN = "events-token-of-the-tests", "alerts-token-of-the-tests"
# Alertmanager waits longer after each failure.
_TRIES_S = 120.0
DOWN = "The registry is not responding (registry.registry-metrics:5001)"
METRIC = re.compile(r"\b(?:registry|gateway|caddy|redis|node|probe|alertmanager|up)(?:_\w+)?\b(?=[{\[ )]|$)")


def secret_files() -> dict[str, str]:
    key = signing_key_from_seed("a seed of the tests, long enough to be one")
    registry = registry_config(PLAN, http_secret="http-secret", cache_password="of-the-registry")
    return {
        "cache/users.acl": users_acl("of-the-registry", "of-the-exporter"),
        "registry/config.yml": render_registry(registry),
        "jwks.json": public_jwks(key),
        "gateway/signing-key.pem": key,
        gateway.RIGHTS: gateway.rights(PLAN, {}, ("admin", "password-of-admin"), "salt"),
        **dict.fromkeys([gateway.EVENTS_TOKEN, gateway.EVENTS_TOKENS], EVENTS_TOKEN),
        **dict.fromkeys([services.ALERTS_TOKEN, gateway.ALERTS_TOKENS], ALERTS_TOKEN),
        exporters.REDIS_PASSWORDS: redis_passwords("of-the-exporter"),
    }


# What is measured, as their own components declare them.
CACHE = ServiceArgs(
    command=["redis-server", "/etc/redis/redis.conf"],
    healthcheck=Healthcheck(["redis-cli", "ping"]),
    parts={"cache": "/etc/redis"},
    secrets={"cache/users.acl": "/run/secrets/users.acl"},
)
REGISTRY = ServiceArgs(
    command=["serve", "/etc/distribution/config.yml"],
    healthcheck=Healthcheck(["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/"]),
    secrets={"registry/config.yml": "/etc/distribution/config.yml", "jwks.json": "/run/secrets/jwks.json"},
    data={"data/registry": "/var/lib/registry"},
)
EDGE = ServiceArgs(
    command=["caddy", "run", "--config", "/etc/caddy/current/Caddyfile", "--adapter", "caddyfile"],
    healthcheck=Healthcheck(["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9180/healthz"]),
    parts={"edge": "/etc/caddy/current"},
    secrets={gateway.EVENTS_TOKEN: "/run/secrets/events-token"},
    data={"data/edge": "/data", "logs/edge": "/var/log/caddy", "gate": "/run/gate"},
    tmpfs=["/config"],
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(PLAN, tmp_path_factory.mktemp("stack"), secret_files(), SOONER) as started:
        started.start("cache", CACHE)
        started.start("registry", REGISTRY)
        started.start("gateway", gateway.service_args(PLAN))
        started.start("console", console.service_args(PLAN))
        started.start("edge", EDGE)
        started.start("node-exporter", exporters.node_exporter_args())
        started.start("redis-exporter", exporters.redis_exporter_args())
        started.start("blackbox-exporter", exporters.blackbox_exporter_args())
        started.start("alertmanager", services.alertmanager_args())
        prometheus = services.prometheus_args(PLAN)
        started.start("prometheus", replace(prometheus, command=[*prometheus.command, SAID_AGAIN]))
        yield started


def ask(stack: Stack, path: str) -> Any:
    return json.loads(stack.fetch(f"http://prometheus.dashboards:9090/prometheus/api/v1/{path}"))["data"]


def value(stack: Stack, expr: str) -> float | None:
    """The one value of an expression."""
    result = ask(stack, f"query?query={quote(expr)}")["result"]
    assert len(result) < 2, result
    return float(result[0]["value"][1]) if result else None


def becomes(stack: Stack, expr: str, expected: float) -> None:
    wait_for(lambda: value(stack, expr) == expected, lambda: f"{expr} is {value(stack, expr)}")


def test_every_target_is_up(stack: Stack) -> None:
    def states() -> dict[str, tuple[str, str]]:
        return {one["labels"]["job"]: (one["health"], one["lastError"]) for one in ask(stack, "targets")["activeTargets"]}

    expected = [
        name
        for name in PLAN.services
        if name in {"prometheus", "alertmanager", "registry", "gateway", "console", "edge"} or "exporter" in name
    ]
    wait_for(lambda: {health for health, _ in states().values()} == {"up"}, lambda: str(states()))
    assert sorted(states()) == sorted([*expected, "probe"])


def test_the_registry_is_probed_by_way_of_the_edge(stack: Stack) -> None:
    becomes(stack, "probe_success", 1)
    becomes(stack, "probe_http_status_code", 401)


def test_the_exporter_of_the_cache_gets_along_with_its_rights(stack: Stack) -> None:
    becomes(stack, "count_over_time(redis_up[1m]) > bool 3", 1)
    becomes(stack, "min_over_time(redis_up[1m])", 1)
    becomes(stack, "redis_memory_max_bytes", 192 * 2**20)
    becomes(stack, "redis_acl_access_denied_cmd_total", 0)
    assert "level=error" not in stack.containers["redis-exporter"].logs().decode()


def test_the_exporter_of_the_cache_signs_in_nowhere_else(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="404"):
        stack.fetch("http://redis-exporter.metrics:9121/scrape?target=redis://elsewhere:6379")


def test_the_disks_of_the_engine_and_of_the_data_are_measured(stack: Stack) -> None:
    for disk in ("docker", "data"):
        becomes(stack, f'node_filesystem_avail_bytes{{disk="{disk}"}} > bool 0', 1)
    becomes(stack, "count(node_scrape_collector_success == 1)", 11)
    becomes(stack, "count(node_vmstat_oom_kill)", 1)


def test_metrics_of_tasks_are_collected(stack: Stack) -> None:
    text = stack.folder / METRICS_FOLDER / "task.prom"
    text.write_text("regops_test_seconds 42\n")
    text.chmod(0o644)
    becomes(stack, "regops_test_seconds", 42)


def test_rules_ask_for_metrics_that_there_are(stack: Stack) -> None:
    asked = [line.partition("expr: ")[2] for line in render(alerts.rule_file(PLAN)).splitlines() if "expr: " in line]
    wanted = {name for expr in asked for name in METRIC.findall(expr) if ":" not in name}
    assert len(wanted) > 12
    wanted.remove("registry_notifications_pending_total")  # begins with the first event

    def missing() -> set[str]:
        return wanted - set(ask(stack, "label/__name__/values"))

    wait_for(lambda: not missing(), lambda: f"missing: {sorted(missing())}")


def test_prometheus_can_neither_be_stopped_nor_emptied_by_who_sees_its_pages(stack: Stack) -> None:
    order = ["wget", "-q", "-O", "-", "--post-data=", "http://127.0.0.1:9090/prometheus/-/quit"]
    # What it says is lost now and then, as of anything that ends at once.
    wait_for(lambda: "403" in run_in(stack.containers["prometheus"], order)[1], lambda: "it was not refused")
    assert not run_in(stack.containers["prometheus"], order)[0]


@pytest.fixture
def phone(stack: Stack) -> Iterator[tuple[NtfyServer, RegopsStack, list[str]]]:
    """A real ntfy, what `regops` works with on the host, and what an outside checker was asked."""
    asked: list[str] = []

    def answer(_: str, path: str, __: Mapping[str, str]) -> Answer:
        asked.append(path)
        return 200, {}, b""

    with ntfy_server({"NTFY_VISITOR_REQUEST_LIMIT_EXEMPT_HOSTS": "0.0.0.0/0"}) as server, serving(answer) as port:
        config = RegopsConfig(
            stack=PLAN.settings.name,
            url=PLAN.settings.public_url,
            data="data/regops",
            services={"alertmanager": PLAN.settings.limits_of("alertmanager")},
            notify=NotifySettings(channels={"phone": NtfyChannel(kind="ntfy", server=server.url, topic=TOPIC)}),
            watchdog_secret="watchdog_url",
        )
        write_atomic(stack.folder / "current" / REGOPS_FILE, render_config(config))
        for name, secret in {"ntfy_token": server.token, "watchdog_url": f"http://127.0.0.1:{port}/ping"}.items():
            write_atomic(stack.folder / "secrets" / name, secret)
        yield server, RegopsStack(stack.folder), asked


def test_an_alert_becomes_a_message_and_its_end_too_even_if_the_gateway_was_away(
    stack: Stack, phone: tuple[NtfyServer, RegopsStack, list[str]]
) -> None:
    """Prometheus, Alertmanager, the gateway, the outbox, ntfy: all real. `regops notify` is called as its timer would."""
    server, regops, asked = phone

    def told(title: str) -> list[tuple[str, int]]:
        deliver(regops)
        return [(one["title"], one["priority"]) for one in server.messages() if one.get("title", "").endswith(title)]

    wait_for(
        lambda: alert_inbox(regops).heartbeat().last > 0,
        lambda: stack.containers["alertmanager"].logs().decode(),
        patience_s=_TRIES_S,
    )
    deliver(regops)
    assert asked == ["/ping"]
    stack.containers["gateway"].stop(timeout=5)
    stack.containers["registry"].pause()
    try:
        failed = 'sum(alertmanager_notifications_failed_total{integration="webhook"}) > bool 0'
        wait_for(lambda: value(stack, failed) == 1, lambda: stack.containers["alertmanager"].logs().decode(), patience_s=_TRIES_S)
        assert told(DOWN) == []
        stack.containers["gateway"].start()
        wait_for(lambda: told(DOWN) == [(DOWN, 5)], lambda: str(server.messages()), patience_s=_TRIES_S)
    finally:
        stack.containers["gateway"].start()
        stack.containers["registry"].unpause()
    wait_for(lambda: told(DOWN) == [(DOWN, 5), (f"Resolved: {DOWN}", 2)], lambda: str(server.messages()), patience_s=_TRIES_S)


def test_every_selector_of_every_rule_returns_data(stack: Stack) -> None:
    """Also of the rules of servers: what `regops` measures there is written as it writes it."""
    write_all(stack.folder / METRICS_FOLDER)
    rules = [rule for group in rule_file(MEASURED).groups for rule in group.rules]
    asked = {selector for rule in rules for selector in selectors(rule.expr)} - WITHOUT_DATA.keys()
    assert len(asked) > 60

    def missing() -> set[str]:
        return asked - with_data(stack, sorted(asked))

    wait_for(lambda: not missing(), lambda: f"nothing is known of {sorted(missing())}")
    assert not with_data(stack, sorted(WITHOUT_DATA)), "there is data: take it off the list"


@pytest.mark.parametrize("service", STOPPED)
def test_when_a_service_stops_the_alert_of_its_runbook_is_raised_and_no_other(stack: Stack, service: str) -> None:
    """They wait, as production does, to see whether it lasts; here that they wait is enough."""
    expected = {told_by()[service]}
    all_run_again(stack)  # several services have the same alert
    stack.containers[service].kill()
    stack.containers[service].wait()  # else it would not be started again
    try:
        wait_for(lambda: raised(stack) == expected, lambda: f"raised: {sorted(raised(stack))}")
        time.sleep(EVALUATED_S)
        assert raised(stack) == expected
    finally:
        stack.containers[service].start()


def test_once_all_run_again_no_alert_is_left(stack: Stack) -> None:
    all_run_again(stack)


def all_run_again(stack: Stack) -> None:
    # What was dropped while Alertmanager was away is in the window for minutes, but fires only after longer.
    wait_for(lambda: raised(stack) <= {"AlertsDropped"}, lambda: f"raised: {sorted(raised(stack))}", patience_s=_TRIES_S)
