"""The rendered configuration in the programs that read it: they accept it, whatever parts of the stack are switched off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack_components.monitoring.component import parts
from tests.plans import EVERYTHING, plan_of
from tests.stack_components.monitoring.monitoring_rig import Tools, tools, write_part
from tests.stack_components.monitoring.test_config import TOLD

pytestmark = pytest.mark.system

SERVER = {"place": "hetzner", "registry_host": "registry.example.com"}
STACKS: dict[str, dict[str, Any]] = {
    "local": {},
    "everything": EVERYTHING,
    "server": {**SERVER, **TOLD},
    "server without channels": SERVER,
    "little": {"protection": {"enabled": False}, "monitoring": {"grafana": False, "cadvisor": False}},
}


def toolbox(factory: pytest.TempPathFactory, image: str, part: str) -> Iterator[Tools]:
    folder = factory.mktemp(image)
    for name, settings in STACKS.items():
        write_part(plan_of(**settings), part, folder / name)
    with tools(image, folder) as made:
        yield made


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    yield from toolbox(tmp_path_factory, "prometheus", "prometheus")


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    yield from toolbox(tmp_path_factory, "alertmanager", "alertmanager")


@pytest.fixture(scope="module")
def blackbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    yield from toolbox(tmp_path_factory, "blackbox_exporter", "blackbox-exporter")


@pytest.mark.parametrize("stack", STACKS)
def test_prometheus_takes_its_configuration_and_its_rules(prometheus: Tools, stack: str) -> None:
    accepted, said = prometheus.call("promtool", "check", "config", "--lint=all", f"/files/{stack}/prometheus.yml")
    assert accepted, said
    assert "rule files found" in said
    accepted, said = prometheus.call("promtool", "check", "rules", "--lint=all", "--lint-fatal", f"/files/{stack}/rules.yml")
    assert accepted, said


@pytest.mark.parametrize("stack", STACKS)
def test_alertmanager_takes_its_configuration(alertmanager: Tools, stack: str) -> None:
    accepted, said = alertmanager.call("amtool", "check-config", f"/files/{stack}/alertmanager.yml")
    assert accepted, said


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("severity=none alertname=Watchdog", "gateway"),
        ("severity=none alertname=Other", "nobody"),
        ("severity=critical service=registry", "gateway"),
        ("severity=warning service=edge", "gateway"),
        ("alertname=SomethingNew", "gateway"),
    ],
)
def test_alerts_go_where_their_severity_says(alertmanager: Tools, labels: str, receiver: str) -> None:
    routed, said = alertmanager.call(
        "amtool", "config", "routes", "test", "--config.file=/files/server/alertmanager.yml", *labels.split()
    )
    assert routed
    assert receiver in said.splitlines()  # beside a warning, in any order


@pytest.mark.parametrize("stack", STACKS)
def test_the_blackbox_exporter_takes_its_configuration(blackbox: Tools, stack: str) -> None:
    program = "blackbox_exporter"
    accepted, said = blackbox.call(program, "--config.check", f"--config.file=/files/{stack}/config.yml")
    assert accepted, said


def test_what_these_programs_refuse_is_seen(prometheus: Tools, alertmanager: Tools, blackbox: Tools) -> None:
    broken = "broken.yml"
    for made in (prometheus, alertmanager, blackbox):
        (made.folder / broken).write_text("nonsense: true\n")
    assert not prometheus.call("promtool", "check", "config", f"/files/{broken}")[0]
    assert not alertmanager.call("amtool", "check-config", f"/files/{broken}")[0]
    assert not blackbox.call("blackbox_exporter", "--config.check", f"--config.file=/files/{broken}")[0]


def test_every_file_of_a_part_can_be_written_under_its_name(tmp_path: Path) -> None:
    for part in parts(plan_of(**EVERYTHING)):
        assert all(not Path(path).is_absolute() and ".." not in path for path in part.files), part.name
        write_part(plan_of(**EVERYTHING), part.name, tmp_path / part.name)
