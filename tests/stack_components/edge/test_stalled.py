"""Uploads from which nothing comes any more are ended by the real Caddy; slow ones are not."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.ops.gateway.registry_rig import Registry
from tests.stack_components.edge.whole import Edge, running_whole

pytestmark = pytest.mark.system

LIMIT_S = 3
PIECE = b"x" * 1000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Edge, Registry]]:
    with pytest.MonkeyPatch.context() as patched:
        # By its name: the package has a function of the same name.
        patched.setattr(sys.modules["stack_components.edge.caddyfile"], "_STALLED_S", LIMIT_S)
        with running_whole(tmp_path_factory.mktemp("whole")) as found:
            yield found


def begun(whole: tuple[Edge, Registry], pieces: int) -> socket.socket:
    """An upload of so many pieces, of which the first has been sent."""
    edge, registry = whole
    token = registry.token("repository:team/app:pull,push", "admin")
    place = registry.request("POST", "/v2/team/app/blobs/uploads/", token).headers["location"]
    place = httpx.URL(place).raw_path.decode()
    head = [f"PATCH {place} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    head += [f"Content-Length: {pieces * len(PIECE)}", "Content-Type: application/octet-stream"]
    connection = socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=40)
    connection.sendall("\r\n".join([*head, "\r\n"]).encode() + PIECE)
    return connection


def test_an_upload_that_stalls_is_ended(whole: tuple[Edge, Registry]) -> None:
    with begun(whole, 1000) as connection:
        began = time.monotonic()
        assert connection.recv(1000).startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 499 ")), "whichever is noticed first"
        assert LIMIT_S - 0.5 < time.monotonic() - began < 5 * LIMIT_S


def test_an_upload_that_is_slow_is_not(whole: tuple[Edge, Registry]) -> None:
    with begun(whole, 8) as connection:
        for _ in range(7):
            time.sleep(LIMIT_S / 4)
            connection.sendall(PIECE)
        assert connection.recv(1000).startswith(b"HTTP/1.1 202")


def test_a_write_that_is_held_longer_is_not(whole: tuple[Edge, Registry]) -> None:
    edge, _ = whole
    token = whole[1].token("repository:team/app:pull,push", "admin")
    with edge.read_only() as mode, socket.create_connection(("127.0.0.1", edge.caddy.ports.plain), timeout=40) as connection:
        lines = ["PUT /v2/team/app/manifests/v1 HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
        connection.sendall("\r\n".join([*lines, "Content-Length: 2", "\r\n"]).encode() + b"{}")
        time.sleep(LIMIT_S + 1)
        mode.turn_off()
        assert connection.recv(1000).startswith(b"HTTP/1.1 400"), "the registry has read it, and does not like it"
