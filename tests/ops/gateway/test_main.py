"""The gateway as a process: how it starts, ends, and dies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from ops.core import process
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import (
    PASSWORDS,
    SENDER,
    SERVICE,
    SIGNING_KEY,
    WEBHOOK_TOKEN,
    basic,
    envelope,
    event,
    query,
    running,
    words,
    write_files,
)

_LIMIT_S = 30.0


def start(folder: Path, *arguments: str) -> process.Completed:
    """Run the gateway to its end, from its very start."""
    return process.run([sys.executable, "-m", "ops.gateway", *words(folder, *arguments)], timeout=_LIMIT_S, check=False)


def stored(folder: Path) -> list[str]:
    """Return the ids of the stored events, in order of arrival."""
    return [row[0] for row in query(folder / "events.db", "SELECT id FROM events ORDER BY seq")]


def test_help_shows_an_example_that_is_valid(tmp_path: Path) -> None:
    completed = start(tmp_path, "--help")
    assert completed.returncode == 0
    example = json.loads(completed.stdout.split("config.json:\n", 1)[1].split("\nAll keys", 1)[0])
    (tmp_path / "config.json").write_text(json.dumps(example))
    completed = start(tmp_path)
    assert completed.returncode == 10
    assert all("cannot be read" in line for line in completed.stderr.splitlines()[1:]), "only the files are missing"


def test_invalid_configuration_is_listed_whole(tmp_path: Path) -> None:
    write_files(tmp_path)
    broken = json.loads((tmp_path / "config.json").read_text()) | {"token_lifetime_s": 5, "isuer": "x", "listen_port": 0}
    del broken["service"]
    (tmp_path / "config.json").write_text(json.dumps(broken))
    completed = start(tmp_path)
    assert completed.returncode == 10
    config = tmp_path / "config.json"
    assert completed.stderr.splitlines() == [
        "4 problems in the configuration:",
        f"  - {config}: listen_port: Input should be greater than or equal to 1",
        f"  - {config}: service: is required",
        f"  - {config}: token_lifetime_s: Input should be greater than or equal to 60",
        f"  - {config}: isuer: unknown key",
    ]


def test_the_problems_of_all_files_are_listed_together(tmp_path: Path) -> None:
    config = write_files(tmp_path)
    config.signing_key_file.write_text("no key")
    config.rights_file.write_text('{"accounts": [{"name": "a b", "password_hash": "hush", "access": []}]}')
    config.webhook_token_file.write_text("short")
    sign_on = {"proof_file": str(tmp_path / "proof")}
    (tmp_path / "config.json").write_text(json.dumps(config.model_dump(mode="json") | {"sign_on": sign_on}))
    completed = start(tmp_path)
    assert completed.returncode == 10
    assert "hush" not in completed.stdout + completed.stderr
    for problem in (
        f"{config.signing_key_file}: not an unencrypted P-256 private key in PEM form",
        f"{config.rights_file}: accounts.0.name: ",
        f"{config.rights_file}: accounts.0.password_hash: should be a bcrypt hash",
        f"{config.webhook_token_file}: should hold a token of at least 16 printable ASCII characters",
        f"{tmp_path}/proof: cannot be read: No such file or directory",
    ):
        assert problem in completed.stderr


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        write_files(tmp_path, port=port)
        completed = start(tmp_path)
    assert completed.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in completed.stdout


def test_it_starts_without_a_place_for_events_and_issues_tokens(tmp_path: Path) -> None:
    port = free_port()
    config = write_files(tmp_path, port=port)
    config.events_db.mkdir()
    with running(tmp_path, port) as gateway:
        assert httpx.get(f"{gateway.url}/healthz").status_code == 503
        assert httpx.get(f"{gateway.url}/auth/token", params={"service": SERVICE}).status_code == 200
        assert httpx.post(f"{gateway.url}/events", headers=SENDER, content=b"x").status_code == 503
        config.events_db.rmdir()
        assert httpx.post(f"{gateway.url}/events", headers=SENDER, content=b"x").status_code == 202
        assert httpx.get(f"{gateway.url}/healthz").json() == {"status": "ok"}


def test_it_ends_on_sigterm_after_the_requests_under_way(tmp_path: Path) -> None:
    port = free_port()
    write_files(tmp_path, port=port)
    with running(tmp_path, port) as gateway:
        with socket.create_connection(("127.0.0.1", port)) as slow:
            body = envelope(event("slow"))
            head = f"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {WEBHOOK_TOKEN}\r\nContent-Length: {len(body)}\r\n"
            slow.sendall(f"{head}\r\n".encode() + body[:10])
            httpx.get(f"{gateway.url}/healthz")  # it has accepted the slow one by now
            gateway.process.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                gateway.process.wait(timeout=1)
            slow.sendall(body[10:])
            assert slow.recv(100).startswith(b"HTTP/1.1 202")
        assert gateway.process.wait(timeout=15) == 0
    assert stored(tmp_path) == ["slow"]


def test_every_line_of_its_log_is_json_and_none_holds_a_secret(tmp_path: Path) -> None:
    port = free_port()
    write_files(tmp_path, port=port)
    with running(tmp_path, port, "--debug") as gateway:
        url = f"{gateway.url}/auth/token?service={SERVICE}&scope=repository:a:pull"
        token = httpx.get(url, headers=basic("admin")).json()["token"]
        httpx.get(url, headers=basic("admin", "a wrong guess"))
        httpx.get(url, headers={"Authorization": "Basic odd-credentials"})
        httpx.post(f"{gateway.url}/events", headers=SENDER, content=envelope(event("e")))
        httpx.post(f"{gateway.url}/events", headers={"Authorization": "Bearer guessed-token"})
        httpx.request("GET", f"{gateway.url}/auth/token", params={"service": "password-in-the-wrong-place"})
        assert gateway.end() == 0
        lines = [json.loads(line) for line in gateway.log.splitlines()]
    assert {"listening", "token issued", "login refused"} <= {line["message"] for line in lines}
    secrets = (
        *PASSWORDS.values(),
        *(basic(name)["Authorization"].split()[1] for name in PASSWORDS),
        token,
        "a wrong guess",
        "odd-credentials",
        WEBHOOK_TOKEN,
        "guessed-token",
        "$2b$",
        SIGNING_KEY.splitlines()[1],
        "password-in-the-wrong-place",
    )
    for secret in secrets:
        assert secret not in gateway.log


def test_kill_9_loses_no_acknowledged_event(tmp_path: Path) -> None:
    port = free_port()
    write_files(tmp_path, port=port)
    acknowledged: list[str] = []
    for round_number in range(3):
        with running(tmp_path, port) as gateway:
            senders = [
                threading.Thread(target=_send_until_it_dies, args=(gateway.url, f"{round_number}-{number}", acknowledged))
                for number in range(4)
            ]
            for sender in senders:
                sender.start()
            before = len(acknowledged)
            while len(acknowledged) < before + 40:
                assert gateway.process.poll() is None
            gateway.process.kill()
            for sender in senders:
                sender.join()
    kept = stored(tmp_path)
    assert len(kept) == len(set(kept))
    assert len(acknowledged) >= 120
    assert set(acknowledged) <= set(kept)


def _send_until_it_dies(url: str, name: str, acknowledged: list[str]) -> None:
    with httpx.Client(base_url=url, headers=SENDER) as client:
        for number in range(100_000):
            event_id = f"{name}-{number}"
            try:
                response = client.post("/events", content=envelope(event(event_id)))
            except httpx.TransportError:
                return
            if response.status_code == 202:
                acknowledged.append(event_id)
