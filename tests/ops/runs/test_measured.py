"""What is measured of a host beside its tasks, as Prometheus' own reader finds it."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.config.notify import NotifySettings
from ops.host.connections import Connections
from ops.host.units import Unit
from ops.notify.message import Letter, Message
from ops.notify.notifier import Notifier
from ops.runs import measured
from ops.runs.history import ENDED, KILLED, Run
from ops.runs.measured import FILE, measure, metrics_of
from tests.ops.runs.test_task import CHANNEL, stack_in

AT = 1_764_445_000.0
FAILED = Run("1", "gc", "2025-11-29T19:36:40+00:00", state=ENDED, exit_code=1)
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture(autouse=True)
def known_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])


def values(folder: Path, units: tuple[Unit, ...] = (), runs: tuple[Run, ...] = (), **given: Any) -> dict[Sample, float]:
    registry = metrics_of(stack_in(folder, **given), units, runs)
    return {
        (sample.name, tuple(sample.labels.items())): sample.value for family in registry.collect() for sample in family.samples
    }


def failed(folder: Path, unit: Unit, *runs: Run) -> float | None:
    return values(folder, (unit,), runs).get(("regops_unit_failed", (("unit", unit.name),)))


def test_what_has_failed_is_told(tmp_path: Path) -> None:
    units = (Unit("docker.service", restarts=3), Unit("nginx.service", failed=True), Unit("cron.service"))
    found = values(tmp_path, units)
    assert {key: value for key, value in found.items() if "unit" in key[0]} == {
        ("regops_unit_failed", (("unit", "docker.service"),)): 0.0,
        ("regops_unit_failed", (("unit", "nginx.service"),)): 1.0,
        ("regops_unit_restarts", (("unit", "docker.service"),)): 3.0,
        ("regops_unit_restarts", (("unit", "nginx.service"),)): 0.0,
    }


def test_what_a_task_has_told_itself_is_not_told_again(tmp_path: Path) -> None:
    unit = Unit("regops-gc.service", failed=True, started=AT)
    assert FAILED.at == AT
    assert failed(tmp_path, unit, FAILED) == 0.0
    assert failed(tmp_path, unit) == 1.0, "it has not even come to its history"
    assert failed(tmp_path, Unit(unit.name, failed=True, started=AT + 60), FAILED) == 1.0, "that was the run before"
    assert failed(tmp_path, unit, Run("2", "gc", FAILED.started, state=KILLED)) == 1.0
    assert failed(tmp_path, unit, Run("3", "backup", FAILED.started, state=ENDED, exit_code=1)) == 1.0
    assert failed(tmp_path, Unit(unit.name)) == 0.0


def test_messages_that_wait_are_measured(tmp_path: Path) -> None:
    notify = NotifySettings.model_validate({"channels": {"phone": CHANNEL}})
    stack = stack_in(tmp_path, notify=notify)
    Notifier(stack).outbox.post(Letter(Message("old"), time.time() - 4000))
    found = values(tmp_path, notify=notify)
    phone = (("channel", "phone"),)
    assert found[("regops_outbox_pending", phone)] == 1.0
    assert found[("regops_outbox_dead", phone)] == 0.0
    assert 3999 < found[("regops_outbox_oldest_seconds", phone)] < 4100


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, 1.0),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), 0.0),
        # The resolver does not answer.
        (socket.gaierror(socket.EAI_AGAIN, "try again"), 1.0),
    ],
)
def test_a_name_that_dns_does_not_know_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: OSError | None, expected: float
) -> None:
    def looked_up(host: str, *_: Any, **__: Any) -> list[Any]:
        assert host == "registry.example.com"
        if answer:
            raise answer
        return []

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert values(tmp_path)[("regops_name_resolves", ())] == expected


def test_a_name_that_is_not_looked_up_is_not_measured(tmp_path: Path) -> None:
    assert ("regops_name_resolves", ()) not in values(tmp_path, resolve={"registry.example.com": "127.0.0.1"})


def test_the_kernels_table_of_connections_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "connections", lambda: Connections(567, 262_144))
    found = values(tmp_path)
    assert (found[("regops_conntrack_entries", ())], found[("regops_conntrack_limit", ())]) == (567.0, 262_144.0)
    monkeypatch.setattr(measured, "connections", lambda: None)
    assert ("regops_conntrack_entries", ()) not in values(tmp_path)


def test_all_of_it_can_be_read_by_the_node_exporter(tmp_path: Path) -> None:
    measure(stack_in(tmp_path))
    names = {family.name for family in text_string_to_metric_families((tmp_path / "metrics" / FILE).read_text())}
    assert {"regops_unit_failed", "regops_disk_read_only", "regops_name_resolves", "regops_outbox_pending"} <= names


def test_where_nobody_reads_metrics_none_are_written(tmp_path: Path) -> None:
    measure(stack_in(tmp_path, metrics=None))
    assert not (tmp_path / "metrics" / FILE).exists()
