"""What of monitoring a stack declares, and with which rights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.project import LOCK
from stack_components.monitoring.component import folders, redis_passwords
from stack_components.monitoring.exporters import cadvisor_socket_args
from tests.declared import Declarations, below_root, declare, rolled_out
from tests.plans import plan_of

CONTAINER = "docker:index/container:Container"
SERVICES = {
    *("prometheus", "alertmanager", "grafana", "cadvisor-socket", "cadvisor"),
    *("node-exporter", "redis-exporter", "blackbox-exporter"),
}


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare({})


def running(declared: Declarations) -> set[str]:
    """The services of monitoring that are declared."""
    return {one.name.removesuffix("-container") for one in declared.of_type(CONTAINER)} & SERVICES


def container(declared: Declarations, service: str) -> dict[str, Any]:
    return declared.named(f"{service}-container", CONTAINER).inputs


def mounts(declared: Declarations, service: str) -> dict[str, tuple[str, bool]]:
    """What a container has mounted: source, without root and digest, and whether it is read only, by target."""
    return {
        mount["target"]: (re.sub(r"-[0-9a-f]{16}$", "", below_root(mount["source"])), mount["readOnly"])
        for mount in container(declared, service)["mounts"]
    }


def test_all_of_it_runs_by_default(declared: Declarations) -> None:
    assert running(declared) == SERVICES
    assert running(declare({"monitoring": '{"cadvisor": false}'})) == SERVICES - {"cadvisor", "cadvisor-socket"}
    assert running(declare({"monitoring": '{"grafana": false}'})) == SERVICES - {"grafana"}


def test_switched_off_nothing_of_it_is_left() -> None:
    off = declare({"monitoring": '{"enabled": false}'})
    assert running(off) == set()
    assert "private-registry:monitoring:Monitoring" not in {one.type for one in off.values()}
    names = " ".join(one.name for one in off.values())
    assert not [word for word in ("prometheus", "grafana", "metrics_cache", "exporter", "cadvisor") if word in names]
    assert "data/prometheus" not in off.named("folders").inputs["create"]
    secrets = off.secret_files
    assert not [name for name in secrets if name.startswith(("grafana", "redis-exporter"))]
    assert "user metrics" not in secrets["cache/users.acl"]


@pytest.mark.parametrize(
    ("image", "gone"),
    [
        ("socket_proxy", {"cadvisor-socket", "cadvisor"}),
        ("cadvisor", {"cadvisor-socket", "cadvisor"}),
        ("grafana", {"grafana"}),
        ("alertmanager", {"alertmanager"}),
        ("prometheus", SERVICES),
    ],
)
def test_a_missing_image_leaves_out_only_its_services(tmp_path: Path, image: str, gone: set[str]) -> None:
    lock = yaml.safe_load(LOCK.read_text())
    lock[image] = {"unavailable": "it cannot be had here"}
    (tmp_path / "images.lock").write_text(yaml.safe_dump(lock))
    found = declare({"images_lock": str(tmp_path / "images.lock")})
    assert running(found) == SERVICES - gone
    if "prometheus" not in gone:
        (part,) = [one for one in mounts(found, "prometheus").values() if one[0].startswith("parts/")]
        assert part == ("parts/prometheus", True)


def test_prometheus_is_under_its_path_and_forgets_in_time(declared: Declarations) -> None:
    assert container(declared, "prometheus")["command"] == [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.retention.time=35d",
        "--storage.tsdb.retention.size=4GB",
        "--web.external-url=http://localhost:8080/prometheus/",
    ]
    assert mounts(declared, "prometheus") == {
        "/etc/prometheus": ("parts/prometheus", True),
        "/prometheus": ("data/prometheus", False),
    }
    set_by_hand = declare({"monitoring": '{"retention_days": 90, "retention_gb": 9}'})
    assert container(set_by_hand, "prometheus")["command"][2:4] == [
        "--storage.tsdb.retention.time=90d",
        "--storage.tsdb.retention.size=9GB",
    ]


def test_alertmanager_has_the_token_that_the_gateway_accepts_and_no_way_out(declared: Declarations) -> None:
    assert mounts(declared, "alertmanager")["/run/secrets/alerts-token"] == ("secrets/alertmanager/alerts-token", True)
    assert "--cluster.listen-address=" in container(declared, "alertmanager")["command"]
    assert declared.secret_files["alertmanager/alerts-token"] == declared.secret_files["live/gateway/alerts-tokens"]
    assert "alerts-token" not in json.dumps(container(declared, "edge"))
    off = declare({"monitoring": '{"enabled": false}'})
    assert not [name for name in off.secret_files if "alerts" in name]
    assert "alerts_token" not in [one.name for one in off.values()]


def test_grafana_has_its_secrets_in_files(declared: Declarations) -> None:
    assert mounts(declared, "grafana") == {
        "/etc/grafana/provisioning/dashboards": ("parts/grafana-dashboards", True),
        "/etc/grafana/provisioning/datasources": ("parts/grafana-datasources", True),
        "/run/secrets/admin-password": ("secrets/grafana/admin-password", True),
        "/run/secrets/secret-key": ("secrets/grafana/secret-key", True),
        "/var/lib/grafana": ("data/grafana", False),
    }
    environment = container(declared, "grafana")["envs"]
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/admin-password" in environment


def test_cadvisor_has_no_socket_and_one_capability(declared: Declarations) -> None:
    cadvisor = container(declared, "cadvisor")
    assert mounts(declared, "cadvisor") == {
        "/rootfs/proc": ("/proc", True),
        "/rootfs/var/lib/docker/image": ("/var/lib/docker/image", True),
        "/sys": ("/sys", True),
    }
    assert cadvisor["capabilities"] == {"adds": ["CAP_SYSLOG"], "drops": ["ALL"]}
    assert [(device["hostPath"], device["permissions"]) for device in cadvisor["devices"]] == [("/dev/kmsg", "r")]
    assert "--docker=tcp://cadvisor-socket:2375" in cadvisor["command"]
    assert rolled_out(declared)["cadvisor"].after == ("cadvisor-socket",)  # it looks for the engine once


CONTAINER_ID = "0123456789abcdef" * 4


@pytest.mark.parametrize("path", ["/_ping", "/v1.44/_ping", "/info", "/v1.51/version", f"/v1.41/containers/{CONTAINER_ID}/json"])
def test_cadvisor_may_ask_what_it_needs(path: str) -> None:
    assert all(allowed.fullmatch(path) for allowed in asked().values())


@pytest.mark.parametrize(
    "path",
    [
        f"/v1.41/containers/{CONTAINER_ID}/archive",
        f"/v1.41/containers/{CONTAINER_ID}/export",
        f"/v1.41/containers/{CONTAINER_ID}/logs",
        "/v1.41/containers/edge/json",
        "/v1.41/images/json",
        "/v1.41/secrets",
        "/v1.41/events",
        "/v1x41/info",
        "/info/../containers/x/archive",
    ],
)
def test_cadvisor_may_ask_nothing_else(path: str) -> None:
    assert set(asked()) == {"GET", "HEAD"}
    assert not any(allowed.fullmatch(path) for allowed in asked().values())


def asked() -> dict[str, re.Pattern[str]]:
    """What the proxy lets cAdvisor ask, by method."""
    found = [re.match(r"-allow([A-Z]+)=(.*)", word) for word in cadvisor_socket_args().command]
    return {match[1]: re.compile(match[2]) for match in found if match}


def test_the_node_exporter_sees_no_files_of_the_host(declared: Declarations) -> None:
    assert mounts(declared, "node-exporter") == {"/metrics": ("data/metrics", True)}


def test_the_exporter_of_the_cache_finds_its_password_by_address(declared: Declarations) -> None:
    secrets = declared.secret_files
    password = json.loads(secrets["redis-exporter/passwords.json"])
    assert list(password) == ["redis://metrics@cache.data:6379"]
    assert json.loads(redis_passwords('a "quoted" one')) == {"redis://metrics@cache.data:6379": 'a "quoted" one'}


def test_folders_are_made_for_what_runs() -> None:
    assert folders(plan_of()) == ["data/prometheus", "data/alertmanager", "data/grafana", "data/metrics"]
    assert folders(plan_of(monitoring={"grafana": False})) == ["data/prometheus", "data/alertmanager", "data/metrics"]


def test_only_who_must_is_root(declared: Declarations) -> None:
    roots = {service for service in SERVICES if container(declared, service)["user"].startswith("0:")}
    assert roots == {"cadvisor", "cadvisor-socket"}
