"""The receiver of alerts: what is taken is on disk, wrong tokens and hostile bodies are refused, and it serves nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from ops.config import MOST_ALERT_FILES, AlertsListener, ConfigError, GatewayConfig, load, render
from ops.core.files import write_atomic
from ops.events.alert_inbox import AlertInbox
from ops.events.alerts import MAX_BODY_BYTES
from ops.gateway.__main__ import assemble
from ops.gateway.alerts import Alerts
from ops.gateway.app import Gateway
from tests.free_ports import free_port
from tests.ops.events.alert_samples import WATCHDOG, alert, body
from tests.ops.gateway.gateway_rig import Process, running, write_files

TOKEN = "token-of-alertmanager-in-tests"
SENDER = {"Authorization": f"Bearer {TOKEN}"}


def with_alerts(folder: Path, port: int = 8082) -> GatewayConfig:
    """A gateway's configuration with a receiver of alerts."""
    config = load(folder / "config.json", GatewayConfig)
    listener = AlertsListener(host="127.0.0.1", port=port, token_file=folder / "alerts_token")
    write_atomic(listener.token_file, f"{TOKEN}\n", mode=0o600)
    config = config.model_copy(update={"alerts": listener})
    write_atomic(folder / "config.json", render(config))
    return config


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    write_files(tmp_path)
    made = assemble(with_alerts(tmp_path))
    yield made
    made.login.close()
    made.events.close()


@pytest.fixture
def alerts(gateway: Gateway) -> Alerts:
    assert gateway.alerts is not None
    return gateway.alerts


def send(alerts: Alerts, content: bytes, method: str = "POST", path: str = "/alerts", **options: Any) -> httpx.Response:
    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(alerts.app()), base_url="http://gateway") as client:
            return await client.request(method, path, content=content, **{"headers": SENDER, **options})

    return asyncio.run(one())


def kept(alerts: Alerts) -> list[str]:
    return [one.name for _, notification in alerts.inbox.waiting() if notification for one in notification.alerts]


def counted(alerts: Alerts, line: str) -> bool:
    return f"{line}\n" in generate_latest(alerts.metrics.registry).decode()


def test_what_is_taken_is_on_disk(alerts: Alerts) -> None:
    assert send(alerts, body(alert(), alert("DiskFull", status="resolved"))).status_code == 202
    assert kept(alerts) == ["RegistryDown", "DiskFull"]
    assert counted(alerts, 'gateway_alerts_total{state="firing"} 1.0')
    assert counted(alerts, 'gateway_alerts_total{state="resolved"} 1.0')


def test_a_sign_of_life_is_noted_and_makes_no_message(alerts: Alerts) -> None:
    assert send(alerts, WATCHDOG).status_code == 202
    assert kept(alerts) == []
    assert alerts.inbox.heartbeat().last > time.time() - 60
    assert not counted(alerts, "gateway_last_watchdog_timestamp_seconds 0.0")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong-token-of-alertmanager"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer tök".encode("latin-1")},
    ],
)
def test_a_wrong_token_is_refused(alerts: Alerts, headers: dict[str, Any]) -> None:
    assert send(alerts, body(alert()), headers=headers).status_code == 401
    assert kept(alerts) == []
    assert counted(alerts, 'gateway_refused_alert_notifications_total{reason="token"} 1.0')


def test_a_token_that_is_missing_refuses_alerts_and_nothing_else(tmp_path: Path) -> None:
    write_files(tmp_path)
    config = with_alerts(tmp_path)
    (tmp_path / "alerts_token").unlink()
    gateway = assemble(config)
    assert gateway.alerts
    assert send(gateway.alerts, body(alert())).status_code == 401
    assert gateway.rights.is_event_token("event-token-of-the-tests")
    (tmp_path / "alerts_token").write_text("short")
    with pytest.raises(ConfigError, match="alerts_token: should hold a token"):
        assemble(config)


def test_tokens_are_compared_in_constant_time(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def refuse(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("ops.gateway.rights.hmac.compare_digest", refuse)
    assert send(alerts, body(alert())).status_code == 401
    assert compared == [(TOKEN.encode(), TOKEN.encode())]


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 50_000, b'{"alerts": [1]}', b"\xff"])
def test_what_is_no_notification_is_refused(alerts: Alerts, content: bytes) -> None:
    assert send(alerts, content).status_code == 400
    assert kept(alerts) == []


def test_a_body_that_is_too_large_is_refused_and_not_kept(alerts: Alerts) -> None:
    assert send(alerts, body(alert(x="y" * MAX_BODY_BYTES))).status_code == 413
    assert kept(alerts) == []
    assert send(alerts, body(alert())).status_code == 202


def test_when_nobody_fetches_them_alertmanager_keeps_them(alerts: Alerts) -> None:
    alerts.inbox.folder.mkdir()
    for number in range(MOST_ALERT_FILES):
        (alerts.inbox.folder / f"{number:015d}-x.json").touch()
    refused = send(alerts, body(alert()))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert send(alerts, WATCHDOG).status_code == 202


def test_a_full_disk_is_no_acknowledgement(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ops.events.alert_inbox.write_atomic", full)
    for content in (body(alert()), WATCHDOG):
        refused = send(alerts, content)
        assert (refused.status_code, "No space left" in refused.text) == (503, True)


def test_nothing_else_is_served_there(alerts: Alerts) -> None:
    for method, path in (("GET", "/alerts"), ("GET", "/auth/token"), ("POST", "/events"), ("GET", "/healthz")):
        assert send(alerts, b"", method, path).status_code in {404, 405}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[Process, int, Path]]:
    port, alerts_port = free_port(), free_port()
    write_files(tmp_path, port=port)
    with_alerts(tmp_path, alerts_port)
    with running(tmp_path, port) as started:
        yield started, alerts_port, tmp_path


def test_each_address_has_its_own_routes_and_a_new_token_needs_no_restart(process: tuple[Process, int, Path]) -> None:
    gateway, port, folder = process
    url = f"http://127.0.0.1:{port}"
    assert httpx.post(f"{url}/alerts", content=body(alert()), headers=SENDER).status_code == 202
    assert httpx.get(f"{url}/auth/token").status_code == 404
    elsewhere = httpx.post(f"{gateway.url}/alerts", content=body(alert()), headers={**SENDER, "Host": f"127.0.0.1:{port}"})
    assert elsewhere.status_code == 404, "the socket decides, not what a client says"
    assert AlertInbox(folder).heartbeat().expected > time.time() - 60
    new = "another-token-of-alertmanager"
    write_atomic(folder / "alerts_token", f"{new}\n{TOKEN}\n", mode=0o600)
    os.kill(gateway.process.pid, signal.SIGUSR1)
    _until(lambda: "rights taken in" in gateway.log)
    for token in (new, TOKEN):
        answer = httpx.post(f"{url}/alerts", content=body(alert()), headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 202
    write_atomic(folder / "alerts_token", f"{new}\n", mode=0o600)
    os.kill(gateway.process.pid, signal.SIGUSR1)
    _until(lambda: gateway.log.count("rights taken in") == 2)
    assert httpx.post(f"{url}/alerts", content=body(alert()), headers=SENDER).status_code == 401
    assert gateway.end() == 0


def test_a_kill_in_a_storm_loses_nothing_that_was_taken(process: tuple[Process, int, Path]) -> None:
    gateway, port, folder = process
    taken: list[str] = []

    def storm(sender: int) -> None:
        with httpx.Client() as client:
            for number in range(200):
                name = f"A{sender}x{number}"
                try:
                    if client.post(f"http://127.0.0.1:{port}/alerts", content=body(alert(name)), headers=SENDER).is_success:
                        taken.append(name)
                except httpx.TransportError:
                    return

    senders = [threading.Thread(target=storm, args=(number,)) for number in range(3)]
    for one in senders:
        one.start()
    _until(lambda: len(taken) > 60)
    gateway.process.kill()
    for one in senders:
        one.join()
    found = [one.name for _, notification in AlertInbox(folder).waiting() if notification for one in notification.alerts]
    assert set(taken) <= set(found)
    assert len(found) == len(set(found))


def test_an_address_that_is_taken_stops_no_tokens(tmp_path: Path) -> None:
    port = free_port()
    write_files(tmp_path, port=port)
    with_alerts(tmp_path, port)
    with running(tmp_path, port) as gateway:
        assert "cannot take alerts on" in gateway.log
        assert httpx.get(f"{gateway.url}/healthz").status_code == 200


def _until(true: Any) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.02)
