"""Writes in read-only mode, through the real edge, gateway and registry: they wait, arrive whole, and are refused at last."""

from __future__ import annotations

import concurrent.futures
import hashlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.core.process import run
from tests.ops.gateway.gateway_rig import SENDER, envelope, event, running
from tests.ops.gateway.registry_rig import EMPTY, MANIFEST_TYPE, Registry
from tests.stack_components.edge.whole import REPOSITORY, SCOPE, Edge, running_before, running_team

pytestmark = pytest.mark.system

HELD_S = 1.0
SLACK_S = 3  # machines that run tests are busy
MANY = 1000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Edge, Registry]]:
    with running_team(tmp_path_factory.mktemp("whole")) as whole:
        yield whole


@pytest.fixture
def edge(whole: tuple[Edge, Registry]) -> Edge:
    return whole[0]


@pytest.fixture
def registry(whole: tuple[Edge, Registry]) -> Registry:
    return whole[1]


@pytest.fixture
def token(registry: Registry) -> str:
    return registry.token(SCOPE, "admin")


def timed(registry: Registry, method: str, path: str, token: str, **options: Any) -> tuple[httpx.Response, float]:
    """A request's answer, and how long it took."""
    began = time.monotonic()
    answer = registry.request(method, path, token, timeout=40, **options)
    return answer, time.monotonic() - began


def upload_before(edge: Edge, registry: Registry, token: str) -> str:
    """Begin an upload while read-only mode is off for a moment; return where it goes on."""
    away = edge.read_only_file.rename(edge.read_only_file.with_name("away"))
    place = registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", token).headers["location"]
    away.rename(edge.read_only_file)
    return place.removeprefix(registry.url)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (f"POST /v2/{REPOSITORY}/blobs/uploads/", 202),
        (f"POST /v2/other/app/blobs/uploads/?mount={EMPTY}&from={REPOSITORY}", 401),
        (f"PUT /v2/{REPOSITORY}/manifests/v2", 400),
        (f"PATCH /v2/{REPOSITORY}/blobs/uploads/x", 404),
        (f"DELETE /v2/{REPOSITORY}/manifests/nothing", 404),
        (f"HEAD /v2/{REPOSITORY}/blobs/{EMPTY}", 200),
        (f"HEAD /v2/{REPOSITORY}/blobs/{EMPTY.replace(':', '%3A')}?a=b", 200),
    ],
)
def test_writes_and_questions_for_layers_wait_and_then_go_on(
    edge: Edge, registry: Registry, token: str, request_line: str, status: int
) -> None:
    method, path = request_line.split()
    content = b"long enough to be a manifest" if method == "PUT" else None
    with edge.read_only() as mode:
        threading.Timer(HELD_S, mode.turn_off).start()
        answer, took = timed(registry, method, path, token, content=content)
    assert HELD_S - 0.1 < took < HELD_S + SLACK_S
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("GET", f"/v2/{REPOSITORY}/manifests/v1"),
        ("HEAD", f"/v2/{REPOSITORY}/manifests/v1"),
        ("GET", f"/v2/{REPOSITORY}/blobs/{EMPTY}"),
        ("GET", f"/v2/{REPOSITORY}/tags/list"),
    ],
)
def test_pulls_do_not_wait(edge: Edge, registry: Registry, token: str, method: str, path: str) -> None:
    with edge.read_only():
        answer, took = timed(registry, method, path, token, headers={"Accept": MANIFEST_TYPE})
    assert answer.status_code == 200
    assert took < SLACK_S


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A large layer, and its digest."""
    path = tmp_path_factory.mktemp("layer") / "layer"
    path.write_bytes(random.Random("layer").randbytes(100 * 2**20))  # noqa: S311
    return path, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def pulled(edge: Edge, digest: str, token: str) -> str:
    """The digest of what a pull gives, and then deletes."""
    path, headers = f"{edge.url}/v2/{REPOSITORY}/blobs/{digest}", {"Authorization": f"Bearer {token}"}
    got = f"sha256:{hashlib.sha256(httpx.get(path, headers=headers, timeout=30).content).hexdigest()}"
    assert httpx.delete(path, headers=headers).status_code == 202
    return got


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_large_body_arrives_whole_after_it_was_held(
    edge: Edge, registry: Registry, token: str, layer: tuple[Path, str], version: str
) -> None:
    path, digest = layer
    authority = edge.folder / "pki" / "authorities" / "local" / "root.crt"
    told: list[str | Path] = ["--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code} %{http_version}"]
    how = [*told, f"--http{version}", "--cacert", authority, "--header", f"Authorization: Bearer {token}"]
    with edge.read_only() as mode:
        place = f"{edge.caddy.tls_url}{upload_before(edge, registry, token)}&digest={digest}"
        threading.Timer(2, mode.turn_off).start()
        done = run(["curl", *how, "--header", "Expect:", "--upload-file", path, place], timeout=60)
    assert done.stdout == f"201 {version}"
    assert pulled(edge, digest, token) == digest


def test_a_client_that_asks_before_it_sends_is_told_to_go_on_when_writes_are_accepted(
    edge: Edge, registry: Registry, token: str, layer: tuple[Path, str]
) -> None:
    path, digest = layer
    content = path.read_bytes()
    with edge.read_only() as mode:
        place = upload_before(edge, registry, token)
        with socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=30) as connection:
            began = time.monotonic()
            threading.Timer(2, mode.turn_off).start()
            head = [f"PUT {place}&digest={digest} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
            head += [f"Authorization: Bearer {token}", "Expect: 100-continue"]
            connection.sendall("\r\n".join([*head, "\r\n"]).encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
            assert 1.9 < time.monotonic() - began < 2 + SLACK_S
            connection.sendall(content)
            answer = b""
            while b" 201 Created\r\n" not in answer:  # the registry tells to go on too
                answer += connection.recv(1000) or pytest.fail(answer.decode())
    assert pulled(edge, digest, token) == digest


def test_a_write_that_has_waited_long_enough_is_refused(edge: Edge, registry: Registry, token: str) -> None:
    with edge.read_only():
        answer, took = timed(registry, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", token)
    assert 19.5 < took < 20 + SLACK_S
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Content-Type"]) == (503, "5", "application/json")
    (error,) = answer.json()["errors"]
    assert (error["code"], error["message"]) == ("UNAVAILABLE", "the registry is read-only for maintenance; try again shortly")


@pytest.mark.parametrize(
    ("content", "why"), [("", " until its operator ends that"), ("we move house\n", ": we move house"), ("17327", ": 17327")]
)
def test_a_persons_read_only_mode_refuses_at_once_and_says_why(
    edge: Edge, registry: Registry, token: str, content: str, why: str
) -> None:
    place = registry.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", token).headers["location"].removeprefix(registry.url)
    edge.read_only_file.write_text(content)
    try:
        answers = [
            timed(registry, method, path, token, content=None if method == "DELETE" else b"long enough to be a manifest")
            for method, path in (
                ("POST", f"/v2/{REPOSITORY}/blobs/uploads/"),
                ("PATCH", place),
                ("PUT", f"/v2/{REPOSITORY}/manifests/v2"),
                ("DELETE", f"/v2/{REPOSITORY}/manifests/v1"),
            )
        ]
        asked, _ = timed(registry, "HEAD", f"/v2/{REPOSITORY}/blobs/{EMPTY}", token)
    finally:
        edge.read_only_file.unlink()
    assert asked.status_code == 200, "a client that finds layers there is told why it may not push at the next step"
    for answer, took in answers:
        assert took < SLACK_S
        assert (answer.status_code, answer.headers["Allow"], answer.headers["Content-Type"]) == (
            405,
            "GET, HEAD",
            "application/json",
        )
        (error,) = answer.json()["errors"]
        assert (error["code"], error["message"]) == ("DENIED", f"this registry is read-only{why}")


def test_read_only_mode_that_expires_lets_held_writes_go(edge: Edge, registry: Registry, token: str) -> None:
    with edge.read_only(limit_s=2):
        answer, took = timed(registry, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", token)
    assert answer.status_code == 202
    assert took < 2 + SLACK_S


def test_a_write_is_held_again_if_read_only_mode_is_on_again_before_it_leaves(edge: Edge, registry: Registry, token: str) -> None:
    """Otherwise writes that were let go would arrive in the middle of the next sweep."""
    with edge.read_only(), concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = [threads.submit(timed, registry, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", token) for _ in range(20)]
        time.sleep(0.5)
        for _ in range(5):
            edge.read_only_file.rename(edge.read_only_file.with_name("away"))
            time.sleep(0.03)
            edge.read_only_file.with_name("away").rename(edge.read_only_file)
            time.sleep(0.1)
        edge.read_only_file.unlink()
        assert {answer.result()[0].status_code for answer in waiting} == {202}


def test_without_read_only_mode_the_gateway_is_not_asked(tmp_path: Path, registry: Registry) -> None:
    with running_before(tmp_path, registry.url) as edge:
        edge.gateway.process.kill()
        answer, took = timed(Registry(edge.url, ""), "POST", f"/v2/{REPOSITORY}/blobs/uploads/", "")
        assert answer.status_code == 401, "the registry's own answer"
        assert took < SLACK_S
        with edge.read_only():
            answer, took = timed(Registry(edge.url, ""), "POST", f"/v2/{REPOSITORY}/blobs/uploads/", "")
        assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Content-Type"]) == (
            503,
            "5",
            "application/json",
        )
        assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"
        assert "Server" not in answer.headers
        assert 19 < took < 20 + SLACK_S, "a gateway that is being replaced is waited for"


def test_a_gateway_that_is_replaced_meanwhile_costs_no_write(tmp_path: Path, registry: Registry) -> None:
    with running_before(tmp_path, registry.url) as edge, concurrent.futures.ThreadPoolExecutor() as threads, edge.read_only():
        answer = threads.submit(timed, Registry(edge.url, ""), "POST", f"/v2/{REPOSITORY}/blobs/uploads/", "")
        time.sleep(0.5)
        edge.gateway.process.kill()
        edge.gateway.process.wait()
        with running(tmp_path, int(edge.gateway.url.rpartition(":")[2])):
            time.sleep(0.5)
            assert not answer.done()
            edge.read_only_file.unlink()
            assert answer.result()[0].status_code == 401, "the registry's own answer"


def connections(edge: Edge, count: int) -> list[socket.socket]:
    """Writes that were sent and whose answer is still to come."""
    opened = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=40)
        connection.sendall(b"POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
        opened.append(connection)
    return opened


def test_tokens_and_events_go_on_while_a_thousand_writes_are_held(edge: Edge, registry: Registry) -> None:
    with edge.read_only():
        waiting = connections(edge, MANY)
        time.sleep(2)
        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            assert registry.token(SCOPE, "admin")
            sent = httpx.post(f"{edge.gateway.url}/events", content=envelope(event(f"held {number}")), headers=SENDER)
            assert sent.status_code == 202
            slowest = max(slowest, time.monotonic() - began)
    answers = [connection.recv(100) for connection in waiting]
    for connection in waiting:
        connection.close()
    assert slowest < 2 * SLACK_S
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 401 Unauthorized"}, "the registry's own answers"
