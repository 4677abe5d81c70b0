"""Clients' mistakes, through the real edge, gateway and registry: each gets a 4xx at once, in the registry's own format."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.core.process import run
from tests.ops.gateway.registry_rig import MANIFEST_TYPE, Registry
from tests.stack_components.edge.caddy import RunningCaddy
from tests.stack_components.edge.whole import REPOSITORY, SCOPE, Edge, running_before, running_team

pytestmark = pytest.mark.system

AT_ONCE_S = 3  # machines that run tests are busy
OCI_TYPE, INDEX_TYPE = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
LONG = "/".join(["a" * 50] * 6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Edge, Registry]]:
    with running_team(tmp_path_factory.mktemp("whole")) as whole:
        yield whole


@pytest.fixture
def registry(whole: tuple[Edge, Registry]) -> Registry:
    return whole[1]


@pytest.fixture
def caddy(whole: tuple[Edge, Registry]) -> RunningCaddy:
    return whole[0].caddy


def code(answer: httpx.Response) -> str:
    """The error's code, if the answer is one in the registry's format."""
    assert answer.headers["content-type"] == "application/json"
    (error,) = answer.json()["errors"]
    return str(error["code"])


def said(caddy: RunningCaddy, request: str, *, end: bool = False) -> tuple[bytes, float]:
    """What a connection answers to bytes that are not all of a request, and after how long."""
    with socket.create_connection(("127.0.0.1", caddy.ports.plain), timeout=60) as connection:
        began = time.monotonic()
        connection.sendall(request.replace("\n", "\r\n").encode())
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                answer += more
        return answer, time.monotonic() - began


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("path", [f"/v2/{REPOSITORY}/manifests/v1", "/auth/token?service=registry.example.com"])
@pytest.mark.parametrize(
    "body", ["Content-Length: 1000000\n\nx", "Transfer-Encoding: chunked\n\nzzz\n"], ids=["large", "malformed"]
)
def test_a_body_where_none_belongs_is_refused_at_once(caddy: RunningCaddy, method: str, path: str, body: str) -> None:
    answer, took = said(caddy, f"{method} {path} HTTP/1.1\nHost: 127.0.0.1\n{body}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert took < AT_ONCE_S


def test_an_unannounced_body_is_refused_too(whole: tuple[Edge, Registry]) -> None:
    """HTTP/2 needs no length."""
    edge, _ = whole
    authority = edge.folder / "pki" / "authorities" / "local" / "root.crt"
    how: list[str | Path] = [
        "--silent",
        "--http2",
        "--cacert",
        authority,
        "--request",
        "GET",
        "--header",
        "Content-Length:",
        "--max-time",
        "10",
    ]
    sent = ["--upload-file", "-", "--write-out", "%{http_code} %{http_version}", "--output", "/dev/null"]
    began = time.monotonic()
    done = run(["curl", *how, *sent, f"{edge.caddy.tls_url}/v2/"], timeout=20, stdin="x" * 1000)
    assert done.stdout == "400 2"
    assert time.monotonic() - began < AT_ONCE_S


def test_an_upload_over_the_limit_is_refused_before_it_is_sent(caddy: RunningCaddy) -> None:
    head = f"PATCH /v2/{REPOSITORY}/blobs/uploads/x HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 1000000001\n\n"
    answer, took = said(caddy, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"SIZE_INVALID"' in answer
    assert b"registry.max_upload_gb" in answer
    assert took < AT_ONCE_S


def test_one_that_asks_first_is_not_told_to_go_on(caddy: RunningCaddy) -> None:
    head = f"PUT /v2/{REPOSITORY}/blobs/uploads/x HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2000000000\nExpect: 100-continue\n\n"
    assert said(caddy, head)[0].startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        (f"GET /v2/{LONG}/manifests/v1", {}, (400, "NAME_INVALID")),
        (f"GET /v2/{LONG}/tags/list", {}, (400, "NAME_INVALID")),
        (f"POST /v2/{LONG}/blobs/uploads/", {}, (400, "NAME_INVALID")),
        ("GET /v2/_catalog?last=%00", {}, (400, "NAME_INVALID")),
        ("GET /v2/_catalog?n=5&last=a%20b", {}, (400, "NAME_INVALID")),
        (f"GET /v2/_catalog?last={'a' * 300}", {}, (400, "NAME_INVALID")),
        (f"GET /v2/{REPOSITORY}/tags/list?last=%00", {}, (400, "NAME_INVALID")),
        (f"GET /v2/{REPOSITORY}/tags/list?last=v0&last=%C3%A4", {}, (400, "NAME_INVALID")),
        (f"GET /v2/{REPOSITORY}/tags/list?last={'a' * 300}", {}, (400, "NAME_INVALID")),
        ("PATCH UPLOAD", {"Content-Range": "bytes 0-1/2"}, (416, "RANGE_INVALID")),
        ("PATCH UPLOAD", {"Content-Range": "0-99999999999999999999"}, (416, "RANGE_INVALID")),
        ("PUT UPLOAD", {"Content-Range": "x"}, (416, "RANGE_INVALID")),
        ("PATCH UPLOAD", {"Content-Type": "text/plain"}, (400, "BLOB_UPLOAD_INVALID")),
    ],
)
def test_a_mistake_that_the_head_shows_is_called_one(
    registry: Registry, request_line: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    method, path = request_line.split()
    token = registry.token(f"{SCOPE} registry:catalog:*", "admin")
    if path == "UPLOAD":
        path = registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", token).headers["location"].removeprefix(registry.url)
    content = b"{}" if method in {"PATCH", "PUT"} else None
    answer = registry.request(method, path, token, headers=headers, content=content)
    assert (answer.status_code, code(answer)) == expected


@pytest.mark.parametrize(
    "path", ["/v2/_catalog", "/v2/_catalog?n=1&last=team/app", "/v2/_catalog?last=zz", f"/v2/{REPOSITORY}/tags/list?last=v0"]
)
def test_lists_go_on(registry: Registry, path: str) -> None:
    assert registry.request("GET", path, registry.token(f"{SCOPE} registry:catalog:*", "admin")).status_code == 200


def test_a_name_of_the_longest_length_is_one(registry: Registry) -> None:
    name = "b" * 100 + "/" + "c" * 154
    token = registry.token(f"repository:{name}:pull,push", "admin")
    assert registry.push(name, "v1", token).status_code == 201


def put(registry: Registry, content: str | bytes, media_type: str | None = MANIFEST_TYPE) -> httpx.Response:
    """What is said to a manifest."""
    headers = {"Content-Type": media_type} if media_type else {}
    path = f"/v2/{REPOSITORY}/manifests/broken"
    return registry.request("PUT", path, registry.token(SCOPE, "admin"), content=content, headers=headers)


@pytest.mark.parametrize("media_type", [MANIFEST_TYPE, OCI_TYPE, f"{OCI_TYPE}; charset=utf-8", INDEX_TYPE, "text/plain", None])
@pytest.mark.parametrize(
    "content",
    [
        *("", "x", "{}", "[]", "null", "0", '"a"', '{"schemaVersion":1}', '{"schemaVersion":12345}', '{"schemaVersion":2} x'),
        *('{"schemaVersion":null}', '{"some": "other document", "of": "some length"}', '{"schemaVersion":2,"manifests":5}'),
        *('{"schemaVersion":2,"config":"x","layers":"y"}', '{"schemaVersion":2,"manifests":[],"layers":[]}'),
        *("[" * 100_000, '{"schemaVersion":2,"a":"' + "x" * 5_000_000 + '"}', '{"schemaVersion":2,"mediaType":"text/plain"}'),
    ],
    ids=lambda content: str(content)[:40],
)
def test_what_is_no_manifest_is_called_the_clients_mistake(registry: Registry, content: str, media_type: str | None) -> None:
    answer = put(registry, content, media_type)
    assert (answer.status_code, code(answer)) == (400, "MANIFEST_INVALID")


def test_the_shortest_of_all_manifests_is_one(registry: Registry) -> None:
    assert put(registry, '{"schemaVersion":2}', INDEX_TYPE).status_code == 201


def test_a_failure_of_the_storage_is_one_and_shows_nothing_of_the_server(whole: tuple[Edge, Registry]) -> None:
    edge, registry = whole
    manifests = edge.folder / "registry" / "docker" / "registry" / "v2" / "repositories" / REPOSITORY / "_manifests"
    aside = manifests.rename(manifests.with_name("aside"))
    manifests.touch()
    try:
        answer = put(registry, '{"schemaVersion":2,"manifests":[]}', INDEX_TYPE)
    finally:
        manifests.unlink()
        aside.rename(manifests)
    assert (answer.status_code, code(answer)) == (500, "UNKNOWN")
    assert "/docker/registry" not in answer.text


def test_a_digest_that_is_none_shows_nothing_of_the_server(registry: Registry) -> None:
    answer = put(registry, '{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[]}')
    assert answer.status_code in {400, 500}, "the registry calls it a failure; the alert leaves those out"
    assert "/docker/registry" not in answer.text
    assert "does not follow the format" in answer.text


@pytest.mark.parametrize(
    ("body", "end"),
    [("Content-Length: 1000\n\nx", True), ("Transfer-Encoding: chunked\n\nzzz\n", False)],
    ids=["broken off", "malformed"],
)
def test_an_upload_that_breaks_off_is_the_clients_mistake(registry: Registry, caddy: RunningCaddy, body: str, end: bool) -> None:
    token = registry.token(SCOPE, "admin")
    path = httpx.URL(registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", token).headers["location"]).raw_path.decode()
    answer, took = said(caddy, f"PATCH {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {token}\n{body}", end=end)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 499 ")), answer
    assert took < AT_ONCE_S
    metrics = httpx.get(f"http://127.0.0.1:{caddy.ports.monitoring}/metrics").text
    failed = [line for line in metrics.splitlines() if 'code="500"' in line and 'method="PATCH"' in line]
    assert not failed, "the alert counts these"


def test_a_client_that_names_no_host_is_sent_to_the_configured_one(tmp_path: Path, registry: Registry) -> None:
    with running_before(tmp_path, registry.url) as edge:
        answer, _ = said(edge.caddy, "GET /v2/ HTTP/1.0\n\n")
    assert answer.startswith(b"HTTP/1.0 401 ")
    assert b"http://localhost:8080/auth/token" in answer
