"""How the application is served."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from ops.gateway.server import MAX_HEAD_BYTES, listen
from tests.ops.gateway.gateway_rig import SERVICE, WEBHOOK_TOKEN, Process, envelope, event, running_anew


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running_anew(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def connect(gateway: Process) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), timeout=10)


def test_answers_are_not_delayed() -> None:
    with listen("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY for no other"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_addresses_are_listened_on() -> None:
    with listen("::1", 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        pass


@pytest.mark.parametrize("start", [b"GET /healthz HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10])
def test_headers_without_end_are_not_collected(gateway: Process, start: bytes) -> None:
    pieces = [start, *[b"x" * 1024] * 4000]
    with connect(gateway) as connection, pytest.raises(ConnectionError):
        any(map(connection.sendall, pieces))
    assert httpx.get(f"{gateway.url}/healthz").status_code == 200


def test_long_headers_in_small_pieces_and_large_bodies_are_fine(gateway: Process) -> None:
    scope = "repository:team/app:pull " * 1000
    with httpx.Client(base_url=gateway.url) as client:
        for _ in range(10):  # more than the limit on one connection, but not in one request
            assert client.get("/auth/token", params={"service": SERVICE, "scope": scope[:30_000]}).status_code == 200
        body = envelope(event("large", padding="x" * 10 * MAX_HEAD_BYTES))
        headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
        assert client.post("/events", content=body, headers=headers).status_code == 202
        assert client.get("/healthz").status_code == 200


def test_what_is_not_http_is_refused(gateway: Process) -> None:
    with connect(gateway) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
