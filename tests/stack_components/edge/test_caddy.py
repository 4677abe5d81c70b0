"""The rendered Caddyfile in a real Caddy: it is accepted without a warning, and routes as it says."""

from __future__ import annotations

import dataclasses
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.config import HELD_WRITES_PATH, READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import run
from ops.registry.read_only import ReadOnlyMode
from stack_components.edge.caddyfile import EdgeConfig, Site
from stack_components.edge.clients import HOST_ADDRESS, Clients
from stack_components.edge.component import config
from stack_components.edge.pages import PAGES, STATUS, Page
from stack_components.edge.registry_routes import Upstreams
from tests.plans import plan_of
from tests.real_programs import caddy_binary
from tests.stack_components.edge.caddy import Ports, running_caddy, serving, write_caddyfile

pytestmark = pytest.mark.system

PUBLIC = Site(["https://registry.example.com"], tls="public")
LOCAL = Site(["https://localhost:8443", "https://127.0.0.1:8443"], tls="internal")
PLAIN = Site(["http://:8080"], tls=None)


def configured(*sites: Site, **changes: Any) -> EdgeConfig:
    """The configuration of a typical stack with other sites."""
    return dataclasses.replace(config(plan_of(protection={"enabled": False})), sites=sites, **changes)


@pytest.mark.parametrize("sites", [[PLAIN, LOCAL], [PUBLIC], [PUBLIC, PLAIN]], ids=["local", "public", "both"])
@pytest.mark.parametrize(
    "pages", [list(PAGES.values()), [dataclasses.replace(PAGES["console"], public=STATUS)], []], ids=["pages", "public", "none"]
)
def test_caddy_accepts_the_configuration_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sites: list[Site], pages: list[Page]
) -> None:
    monkeypatch.setenv(HOST_ADDRESS, "172.18.0.1")
    clients = Clients(
        proxies=["192.0.2.0/24"], plain_listener=":8080" if PLAIN in sites else "", public_name="registry.example.com"
    )
    path = write_caddyfile(
        configured(*sites, pages=pages, http3=PUBLIC in sites, acme_email="ann@example.com", clients=clients), tmp_path
    )
    arguments = ["--config", str(path), "--adapter", "caddyfile"]
    adapted = run([caddy_binary(), "adapt", *arguments], timeout=30)
    warnings = [line for line in adapted.stderr.splitlines() if '"level":"warn"' in line and "globals.d" not in line]
    assert warnings == []
    assert json.loads(adapted.stdout)["admin"]["disabled"] is True
    validated = run([caddy_binary(), "validate", *arguments], timeout=30).stderr
    assert [line for line in validated.splitlines() if '"level":"warn"' in line and "globals.d" not in line] == []


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, under the server's own name."""

    protocol_version = "HTTP/1.1"
    server_version = "upstream"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        read = len(self.rfile.read(length))
        body = json.dumps({"upstream": type(self).__name__, "asked": f"{self.command} {self.path}", "read": read}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Scheme-Seen", self.headers.get("X-Forwarded-Proto", ""))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # names of the standard library

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Registry(Echo):
    """Stands where the registry is. It breaks some connections off before it answers, and counts the requests on them."""

    broken_off = 0

    def answer(self) -> None:
        if "/breaks-off/" in self.path:
            type(self).broken_off += 1
            self.close_connection = True
        else:
            super().answer()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # names of the standard library


class Gateway(Echo):
    """Stands where the gateway is, and holds nothing: it refuses what is asked about writes in read-only mode."""

    def answer(self) -> None:
        if self.path != HELD_WRITES_PATH:
            super().answer()
            return
        self.send_response(503)
        self.send_header("Retry-After", "5")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer  # noqa: N815  # names of the standard library


@dataclass(frozen=True)
class Edge:
    """A Caddy that runs."""

    url: str
    tls_url: str
    health_url: str
    folder: Path

    def ask(self, method: str, path: str, *, content: bytes | None = None) -> httpx.Response:
        """Send one request by plain HTTP."""
        return httpx.request(method, self.url + path, content=content)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("edge")
    (folder / READ_ONLY_FOLDER).mkdir()
    with serving(Registry) as registry, serving(Gateway) as gateway:
        upstreams = Upstreams(*(f"127.0.0.1:{server.server_address[1]}" for server in (registry, gateway)))
        configuration = configured(upstreams=upstreams, pages=[], max_upload_gb=1)
        with running_caddy(configuration, folder, Ports()) as caddy:
            yield Edge(caddy.url, caddy.tls_url, f"http://127.0.0.1:{caddy.ports.monitoring}", folder)


@pytest.fixture
def read_only(edge: Edge) -> Iterator[None]:
    file = edge.folder / READ_ONLY_FOLDER / READ_ONLY_FILE
    file.touch()
    yield
    file.unlink()


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/v2/", "Registry"),
        ("/v2", "Registry"),
        ("/v2/team/app/manifests/v1?a=b", "Registry"),
        ("/auth/token?service=s", "Gateway"),
    ],
)
def test_requests_reach_the_service_they_are_for(edge: Edge, path: str, upstream: str) -> None:
    answer = edge.ask("GET", path)
    assert answer.json() == {"upstream": upstream, "asked": f"GET {path}", "read": 0}
    assert answer.headers["X-Scheme-Seen"] == "http"


@pytest.mark.parametrize(
    "path", ["/v1/", "/v22/", "/events", "/metrics", "/debug/vars", "/auth", "/auth/token/x", "/x/../events"]
)
def test_everything_else_does_not_exist(edge: Edge, path: str) -> None:
    assert edge.ask("GET", path).status_code == 404


def test_answers_tell_little_about_the_servers(edge: Edge) -> None:
    for path in ("/v2/", "/auth/token", "/nothing"):
        headers = edge.ask("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert not {"server", "via", "strict-transport-security"} & set(headers)


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/v2/a/blobs/uploads/", "/v2//a", "//v2/a", "/V2/a", "/v2%2Fa", "/v2/./a"])
def test_read_only_mode_lets_no_write_through(edge: Edge, method: str, path: str) -> None:
    answer = edge.ask(method, path, content=None if method == "DELETE" else b"x")
    assert answer.status_code in {404, 503}
    assert "Registry" not in answer.text
    if path == "/v2/a/blobs/uploads/":
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.usefixtures("read_only")
def test_read_only_mode_lets_reads_and_signing_in_through(edge: Edge) -> None:
    for method, path in (
        ("GET", f"/v2/a/blobs/sha256:{'1' * 64}"),
        ("HEAD", "/v2/a/blobs/uploads/1"),
        ("GET", "/v2/a/manifests/v1"),
        ("HEAD", "/v2/a/manifests/v1"),
        ("GET", "/auth/token"),
        ("POST", "/auth/token"),
    ):
        assert edge.ask(method, path).status_code == 200


def test_read_only_mode_of_a_task_that_died_expires_when_it_says(edge: Edge) -> None:
    mode = ReadOnlyMode(edge.folder / READ_ONLY_FOLDER / READ_ONLY_FILE, limit_s=1)
    mode.turn_on("a test", "it is going to die")
    refused = edge.ask("POST", "/v2/a/blobs/uploads/")
    time.sleep(2.1)
    passed = edge.ask("POST", "/v2/a/blobs/uploads/")
    mode.turn_off()
    assert (refused.status_code, passed.status_code) == (503, 200)


def test_no_write_fails_while_read_only_mode_goes_on_and_off(edge: Edge) -> None:
    """Its file may go between two looks at it."""
    mode, over, seen = ReadOnlyMode(edge.folder / READ_ONLY_FOLDER / READ_ONLY_FILE), time.monotonic() + 2, set[int]()

    def write() -> None:
        with httpx.Client() as client:
            while time.monotonic() < over:
                seen.add(client.post(f"{edge.url}/v2/a/blobs/uploads/").status_code)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while time.monotonic() < over:
        mode.turn_on("a test", "it moves")
        mode.turn_off()
    for writer in writers:
        writer.join()
    assert seen == {200, 503}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_write_that_the_registry_has_seen_is_not_sent_again_and_a_read_not_for_long(edge: Edge, method: str) -> None:
    Registry.broken_off, began = 0, time.monotonic()
    manifest = b'{"schemaVersion": 2, "mediaType": "x"}' if method == "PUT" else None
    answer = edge.ask(method, "/v2/breaks-off/manifests/v1", content=manifest)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"
    # For two seconds; Go's client sends it again, too, if its connection had been idle, once for each.
    assert Registry.broken_off == 1 if method == "PUT" else Registry.broken_off < 20
    assert time.monotonic() - began < 5


def test_writes_pass_outside_read_only_mode(edge: Edge) -> None:
    size = 3 * 2**20
    answer = httpx.patch(f"{edge.url}/v2/a/blobs/uploads/1", content=b"x" * size, headers={"Authorization": "Bearer x"})
    assert answer.json()["read"] == size


def test_a_token_request_is_small(edge: Edge) -> None:
    assert edge.ask("POST", "/auth/token", content=b"x" * 64_000).json()["read"] == 64_000
    assert edge.ask("POST", "/auth/token", content=b"x" * 65_000).status_code == 413


def test_tls_holds_against_the_stacks_own_authority(edge: Edge) -> None:
    authority = edge.folder / "pki" / "authorities" / "local" / "root.crt"
    context = ssl.create_default_context(cafile=str(authority))
    answer = httpx.get(f"{edge.tls_url}/v2/", verify=context)
    assert (answer.status_code, answer.headers["X-Scheme-Seen"]) == (200, "https")


def test_the_health_address_answers_nothing_else(edge: Edge) -> None:
    assert httpx.get(f"{edge.health_url}/healthz").status_code == 200
    assert httpx.get(f"{edge.health_url}/v2/").text == ""


def test_requests_are_logged_without_credentials(edge: Edge) -> None:
    httpx.get(f"{edge.url}/v2/logged", headers={"Authorization": "Basic aHVudGVyMg=="})
    log = edge.folder / "log" / "access.log"
    give_up = time.monotonic() + 10
    while "/v2/logged" not in log.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert "aHVudGVyMg" not in log.read_text() + (edge.folder / "caddy.log").read_text()
    assert log.stat().st_mode & 0o777 == 0o640
