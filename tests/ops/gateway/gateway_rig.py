"""A gateway to test with: its files, its parts, and the whole as a process."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, Access, Account, FailureLimits, GatewayConfig, Person, Rights, render
from ops.core.files import write_atomic
from ops.credentials.keys import signing_key_from_seed
from ops.credentials.passwords import password_hash
from tests.free_ports import free_port
from tests.warm_start import Warm, start_warm

SERVICE = "registry.example.com"
ISSUER = "test-issuer"
WEBHOOK_TOKEN = "event-token-of-the-tests"
SENDER = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
SIGNING_KEY = signing_key_from_seed("0123456789abcdef0123456789abcdef")
PASSWORDS = {"admin": "correct horse", "robot": "battery staple"}
PULL_ALL = Access(repositories="**", actions=("pull",))
_START_LIMIT_S = 30.0


def account(name: str, *access: Access, password: str | None = None, **rights: bool) -> Account:
    """Return an account with a cheap hash; the password is that of `PASSWORDS` unless given."""
    hashed = password_hash(PASSWORDS[name] if password is None else password, f"salt of {name}", cost=4)
    return Account(name=name, password_hash=hashed, access=access, **rights)


ADMIN = account("admin", Access(repositories="**", actions=("pull", "push", "delete")), catalog=True, operator=True)
ROBOT = account("robot", Access(repositories="ci/**", actions=("pull", "push")))


def write_rights(
    path: Path, *accounts: Account, anonymous: tuple[Access, ...] = (PULL_ALL,), people: tuple[Person, ...] = ()
) -> None:
    """Write a rights file."""
    write_atomic(path, render(Rights(accounts=accounts, anonymous=anonymous, people=people)), mode=0o600)


def write_files(
    folder: Path,
    *,
    port: int = 8080,
    failures: FailureLimits | None = None,
    anonymous: tuple[Access, ...] = (PULL_ALL,),
    people: tuple[Person, ...] = (),
) -> GatewayConfig:
    """Write all files of a gateway below a folder, the configuration itself as config.json."""
    config = GatewayConfig(
        listen_host="127.0.0.1",
        listen_port=port,
        issuer=ISSUER,
        service=SERVICE,
        signing_key_file=folder / "signing_key.pem",
        rights_file=folder / "rights.json",
        webhook_token_file=folder / "event_token",
        events_db=folder / "events.db",
        read_only_file=folder / READ_ONLY_FOLDER / READ_ONLY_FILE,
        failures=failures or FailureLimits(),
    )
    write_atomic(config.signing_key_file, SIGNING_KEY, mode=0o600)
    write_rights(config.rights_file, ADMIN, ROBOT, anonymous=anonymous, people=people)
    write_atomic(config.webhook_token_file, WEBHOOK_TOKEN + "\n", mode=0o600)
    write_atomic(folder / "config.json", render(config))
    return config


def basic(name: str, password: str | None = None) -> dict[str, str]:
    """Return the header that signs in."""
    text = f"{name}:{PASSWORDS[name] if password is None else password}"
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def event(event_id: str, **target: str) -> dict[str, Any]:
    """Return an event as the registry sends it."""
    return {
        "id": event_id,
        "timestamp": "2026-11-23T09:22:38.48Z",
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "sha256:" + "b5" * 32,
            "size": 410,
            "repository": "team/app",
            "tag": "v1",
            **target,
        },
        "request": {"id": "r", "addr": "10.0.0.1", "host": SERVICE, "method": "PUT", "useragent": "docker"},
        "actor": {"name": "admin"},
        "source": {"addr": "host:5000", "instanceID": "i"},
    }


def envelope(*events: Any) -> bytes:
    """Return the body of a notification."""
    return json.dumps({"events": events}).encode()


def post_events(host: str, port: int, names: Iterable[str], *, token: str = WEBHOOK_TOKEN) -> Generator[int]:
    """Send an event in each request over one connection, as the registry does, and give what is answered."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.docker.distribution.events.v2+json"}
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=_START_LIMIT_S)) as connection:
        for name in names:
            connection.request("POST", "/events", json.dumps({"events": [event(name)]}, indent=3), headers)
            response = connection.getresponse()
            response.read()
            yield response.status


def query(database: Path, sql: str) -> list[Any]:
    """Read an events database as another program would."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def wait_until_up(url: str, process: subprocess.Popen[bytes] | Warm) -> None:
    """Wait until an address answers, or fail when its process ended."""
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended with exit code {process.returncode}"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {_START_LIMIT_S:g} s")


@dataclass
class Process:
    """A gateway that runs as a process of its own."""

    folder: Path
    process: Warm
    url: str

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "gateway.log").read_text()

    def end(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=15)


def words(folder: Path, *arguments: str) -> list[str]:
    """Return the arguments of the gateway whose files are in a folder."""
    return ["--config", str(folder / "config.json"), *arguments]


@contextlib.contextmanager
def running(folder: Path, port: int, *arguments: str) -> Iterator[Process]:
    """Run the gateway whose files are in a folder, and kill it at the end if it still runs."""
    with (
        (folder / "gateway.log").open("ab") as log,
        start_warm("gateway", words(folder, *arguments), os.environ, stdout=log, stderr=log) as process,
    ):
        try:
            gateway = Process(folder, process, f"http://127.0.0.1:{port}")
            wait_until_up(f"{gateway.url}/healthz", process)
            yield gateway
        finally:
            process.kill()


@contextlib.contextmanager
def running_anew(folder: Path, **changes: Any) -> Iterator[Process]:
    """Write the files of a gateway into a folder, and run it on a free port; changes are arguments of `write_files`."""
    port = free_port()
    write_files(folder, port=port, **changes)
    with running(folder, port) as gateway:
        yield gateway
