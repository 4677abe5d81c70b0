"""Home's sentence and figures: from what is looked at here, and from what Prometheus answers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.console.health import judged
from ops.console.prometheus import Prometheus, Sample
from ops.console.running import running
from ops.core.findings import FAILED, OK, WARNING, Check
from ops.stack.prometheus import Alert
from tests.loopback_server import Answer, serving
from tests.ops.console.console_rig import Furnished, console, furnished
from tests.ops.console.test_app import seen

WELL, LATE, BROKEN = Check("a", OK, ""), Check("b", WARNING, ""), Check("c", FAILED, "")
CRITICAL = Alert("RegistryDown", "critical", "The registry is down", "start it", "2026-11-29T19:00:00.123456789Z")
MILD = Alert("DiskFills", "warning", "The disk fills up", "`regops gc`", "2026-11-29T19:00:00Z")


@pytest.mark.parametrize(
    ("checks", "alerts", "answers", "state", "sentence"),
    [
        ([WELL], [], True, "well", "All is well."),
        ([WELL], None, True, "well", "All is well."),
        ([WELL, LATE], [], True, "attention", "The registry works; one thing needs a person."),
        ([BROKEN, LATE], [MILD], True, "attention", "The registry works; 3 things need a person."),
        ([WELL], [CRITICAL, MILD], True, "broken", "The registry is down."),
        ([WELL], [], False, "broken", "The registry does not answer: pulls and pushes fail."),
    ],
)
def test_the_sentence_is_that_of_the_worst(checks: Any, alerts: Any, answers: bool, state: str, sentence: str) -> None:
    assert judged(checks, alerts, answers=answers) == (state, sentence)


def test_services_run_if_they_are_measured_and_are_unknown_if_they_are_not() -> None:
    samples = [
        Sample({"__name__": "up", "job": "gateway"}, 1),
        Sample({"__name__": "up", "job": "alertmanager"}, 0),
        Sample({"__name__": "redis_up", "job": "redis-exporter"}, 0),
        Sample({"__name__": "container_last_seen", "name": "test-portainer"}, time.time() - 5),
        Sample({"__name__": "container_last_seen", "name": "test-gateway"}, time.time() - 3600),
    ]
    services = ["alertmanager", "cache", "edge", "gateway", "portainer", "ui"]
    found = {one.name: one.runs for one in running(services, "test", samples, surely=["edge"])}
    assert found == {"alertmanager": False, "cache": False, "edge": True, "gateway": False, "portainer": True, "ui": None}
    assert [one.runs for one in running(["ui"], "test", None, surely=[])] == [None]


ALERTS: list[dict[str, Any]] = [
    {
        "labels": {"alertname": "Watchdog", "severity": "none"},
        "annotations": {},
        "state": "firing",
        "activeAt": "2026-11-29T18:00:00Z",
    },
    {
        "labels": {"alertname": "DiskFills", "severity": "warning"},
        "annotations": {"summary": "<b>The disk</b> fills up", "description": "`regops gc` frees space"},
        "state": "firing",
        "activeAt": "2026-11-29T18:00:00.123456789Z",
    },
    {"labels": {"alertname": "Soon", "severity": "critical"}, "annotations": {}, "state": "pending", "activeAt": ""},
]
VALUES = {"registry:error_budget:left_30d": 0.75, "max(max_over_time": 1.0, "avg(avg_over_time": 0.99951}


class MockPrometheus:
    """A MOCK of Prometheus's API: https://prometheus.io/docs/prometheus/latest/querying/api/ ; and a registry that answers."""

    def __init__(self) -> None:
        """Begin with alerts."""
        self.alerts: Any = ALERTS
        self.values: dict[str, float] = VALUES

    def __call__(self, _: str, path: str, __: Mapping[str, str]) -> Answer:
        """Answer a request."""
        url = urlsplit(path)
        data: dict[str, Any] = {"alerts": self.alerts}
        if url.path.endswith("/query"):
            (query,) = parse_qs(url.query)["query"]
            values = [value for known, value in self.values.items() if query.startswith(known)]
            data = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, str(value)]} for value in values]}
        body = json.dumps({"status": "success", "data": data}).encode()
        return 401 if url.path == "/v2/" else 200, {"Content-Length": str(len(body))}, body


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own disk may be nearly full."""
    monkeypatch.setattr("ops.console.health.disk", lambda _: Check("disk", OK, "half of it is free"))


@pytest.fixture
def mock() -> MockPrometheus:
    return MockPrometheus()


@pytest.fixture
def prometheus(mock: MockPrometheus) -> Iterator[str]:
    with serving(mock) as port:
        yield f"http://127.0.0.1:{port}"


def test_alerts_are_shown_with_what_to_do_and_as_text(tmp_path: Path, prometheus: str) -> None:
    stack = furnished(tmp_path)
    html = console(stack.root, registry_url=prometheus, prometheus_url=prometheus).text("/")
    page = seen(html)
    assert "one thing needs a person" in page
    assert "&lt;b&gt;The disk&lt;/b&gt; fills up" in html
    assert "regops gc frees space" in page
    assert "Watchdog" not in page
    assert "75 %" in page


def test_without_alerts_all_is_well_and_since_when_is_said(tmp_path: Path, prometheus: str, mock: MockPrometheus) -> None:
    mock.alerts = ALERTS[:1]
    stack = furnished(tmp_path)
    page = seen(console(stack.root, registry_url=prometheus, prometheus_url=prometheus).text("/"))
    assert "All is well." in page
    assert "The last alert ended" in page


def test_without_an_answer_nothing_is_claimed(tmp_path: Path) -> None:
    asked = Prometheus("http://127.0.0.1:9")
    assert (asked.alerts(), asked.values("up"), asked.value("up")) == (None, None, None)
    Furnished(tmp_path)
    page = seen(console(tmp_path, prometheus_url="http://127.0.0.1:9").text("/"))
    assert "Prometheus does not answer, so that alerts are unknown" in page
    assert "unknown edge" in page


@pytest.mark.parametrize("alerts", ["nothing", [1], [{"labels": 3}], [{}]])
def test_a_strange_answer_is_no_answer(prometheus: str, mock: MockPrometheus, alerts: Any) -> None:
    mock.alerts = alerts
    assert not Prometheus(prometheus).alerts()


def test_everybody_may_know_whether_it_works_and_nothing_of_what_there_is(tmp_path: Path, prometheus: str) -> None:
    stack = furnished(tmp_path)
    stack.backed_up()
    html = console(stack.root, registry_url=prometheus, prometheus_url=prometheus, links={"Grafana": "/grafana/"}).text("/status")
    page = seen(html)
    assert "It works: images can be pulled and pushed." in page
    assert "99.95 % of the last 90 days, as far as it was measured" in page
    assert re.search(r"Recovery from backups last proven \d hours ago", page)
    for inner in ("DiskFills", "alpine", "gc", "regops", "/grafana", "href"):
        assert inner not in html
    assert "Pulls and pushes may fail" in console(stack.root).text("/status")
