"""What Prometheus learns from a gateway, and that nobody else does."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.events.store import StoreError
from ops.gateway.metrics import InFlight, Metrics
from tests.free_ports import free_port
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import PASSWORDS, SENDER, SERVICE, WEBHOOK_TOKEN, basic, envelope, event, running, write_files


def value(client: Client, name: str, **labels: str) -> float | None:
    return client.gateway.metrics.registry.get_sample_value(name, labels)


def send(client: Client, body: bytes) -> int:
    return client.send("POST", "/events", content=body, headers=SENDER).status_code


def test_events_are_counted_by_action(client: Client) -> None:
    actions = ["push", "push", "delete", "mount", "made up", None]
    for number, action in enumerate(actions):
        assert send(client, envelope(event(f"e{number}") | {"action": action})) == 202
    counted = {name: value(client, "gateway_events_total", action=name) for name in ("push", "delete", "mount", "pull", "other")}
    assert counted == {"push": 2, "delete": 1, "mount": 1, "pull": 0, "other": 2}
    assert value(client, "gateway_events_total", action="made up") is None, "whoever sends events cannot make labels"


def test_what_came_again_and_what_nobody_understands_are_no_new_events(client: Client) -> None:
    for body in (envelope(event("same")), envelope(event("same"), event("same")), b"garbage", envelope({}, event("new"))):
        assert send(client, body) == 202
    assert value(client, "gateway_events_total", action="push") == 2
    assert value(client, "gateway_repeated_events_total") == 2
    assert value(client, "gateway_bad_events_total") == 2


def test_the_time_of_the_last_event_is_that_of_a_new_one(client: Client) -> None:
    assert value(client, "gateway_last_event_timestamp_seconds") == 0
    before = time.time()
    send(client, envelope(event("e")))
    last = value(client, "gateway_last_event_timestamp_seconds")
    assert last
    assert before <= last <= time.time()
    send(client, envelope(event("e")))
    assert value(client, "gateway_last_event_timestamp_seconds") == last


def test_logins_are_counted_by_why_they_were_refused(client: Client) -> None:
    for headers in ({"Authorization": "Basic !"}, *[basic("admin", "wrong")] * 4, basic("robot")):
        client.token(headers=headers)
    client.token()
    reasons = ("malformed", "wrong_password", "too_many_failures", "busy")
    refused = {reason: value(client, "gateway_refused_logins_total", reason=reason) for reason in reasons}
    assert refused == {"malformed": 1, "wrong_password": 3, "too_many_failures": 1, "busy": 0}
    assert value(client, "gateway_tokens_issued_total") == 2


def test_a_database_that_fails_is_counted_and_no_event_is(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> None:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(client.gateway.events, "add", full)
    assert send(client, envelope(event("e"))) == 503
    assert value(client, "gateway_database_errors_total") == 1
    assert value(client, "gateway_events_total", action="push") == 0


def test_requests_are_in_flight_until_they_are_answered() -> None:
    metrics, seen = Metrics(), []

    async def answer(*_: object) -> None:
        seen.append(metrics.registry.get_sample_value("gateway_requests_in_flight"))
        raise RuntimeError

    async def nothing(*_: object) -> None: ...

    counted = InFlight(answer, metrics.in_flight)
    for kind in ("lifespan", "http"):
        with pytest.raises(RuntimeError):
            asyncio.run(counted({"type": kind}, nothing, nothing))  # type: ignore[arg-type]
    assert seen == [0, 1]
    assert metrics.registry.get_sample_value("gateway_requests_in_flight") == 0


@pytest.fixture
def ports(tmp_path: Path) -> tuple[int, int]:
    """Ports of the routes and of the metrics of a gateway whose files are written."""
    ports = free_port(), free_port()
    config = write_files(tmp_path, port=ports[0])
    given = config.model_copy(update={"metrics_host": "127.0.0.1", "metrics_port": ports[1]})
    (tmp_path / "config.json").write_text(given.model_dump_json())
    return ports


def scrape(port: int) -> dict[str, float]:
    """Return the samples by name, with those of all labels added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_metrics_have_an_address_of_their_own_and_hold_no_secret(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(tmp_path, ports[0]) as gateway:
        httpx.get(f"{gateway.url}/auth/token", params={"service": SERVICE}, headers=basic("admin"))
        httpx.get(f"{gateway.url}/auth/token", params={"service": SERVICE}, headers=basic("admin", "a guess"))
        httpx.post(f"{gateway.url}/events", headers=SENDER, content=envelope(event("e")))
        assert httpx.get(f"{gateway.url}/metrics").status_code == 404
        text = httpx.get(f"http://127.0.0.1:{ports[1]}/metrics").text
        found = scrape(ports[1])
        assert gateway.end() == 0
    assert found["gateway_events_total"] == found["gateway_event_store_seconds_count"] == 1
    assert (found["gateway_tokens_issued_total"], found["gateway_refused_logins_total"]) == (1, 1)
    assert 10e6 < found["process_resident_memory_bytes"] < 128e6
    for secret in (*PASSWORDS.values(), "a guess", WEBHOOK_TOKEN, "admin", "team/app"):
        assert secret not in text


def test_the_time_of_the_last_event_survives_a_restart(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(tmp_path, ports[0]) as gateway:
        sent = time.time()
        httpx.post(f"{gateway.url}/events", headers=SENDER, content=envelope(event("e")))
        before = scrape(ports[1])["gateway_last_event_timestamp_seconds"]
        gateway.process.kill()
    with running(tmp_path, ports[0]):
        # The database keeps when it arrived, in milliseconds; the metric was set once it was kept.
        assert sent - 0.001 <= scrape(ports[1])["gateway_last_event_timestamp_seconds"] <= before


def test_tokens_do_not_wait_for_a_place_for_metrics(tmp_path: Path, ports: tuple[int, int]) -> None:
    with socket.create_server(("127.0.0.1", ports[1])), running(tmp_path, ports[0]) as gateway:
        assert httpx.get(f"{gateway.url}/auth/token", params={"service": SERVICE}).status_code == 200
        lines = [json.loads(line) for line in gateway.log.splitlines()]
    assert f"cannot serve metrics on 127.0.0.1:{ports[1]}: Address already in use" in lines[0]["message"]
