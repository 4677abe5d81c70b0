"""Requests through the real edge to a service that is just being stopped: which are not lost on a connection that it closes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import httpx
import pytest

from tests.stack_components.edge.caddy import RunningCaddy, running_caddy_before

pytestmark = pytest.mark.system

MANIFEST = b'{"schemaVersion":2,"mediaType":"x"}'
TIMES = 3


class Stopping(BaseHTTPRequestHandler):
    """A STAND-IN for a service that is stopped: it closes each connection in the moment in which a second request comes on it.

    The real ones do that too, but only sometimes: https://github.com/golang/go/issues/22158
    """

    protocol_version = "HTTP/1.1"
    dropped: ClassVar[set[str]] = set()

    def handle(self) -> None:
        """Answer one request, and close the connection once there is another one."""
        self.handle_one_request()
        if not self.close_connection:
            self.connection.recv(1, socket.MSG_PEEK)

    def answer(self) -> None:
        """Take what comes, but drop what begins a connection for the first time where that is asked for."""
        if "dropped" in self.path and self.path not in self.dropped:
            self.dropped.add(self.path)
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  # names of the standard library

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCaddy]:
    with running_caddy_before(Stopping, tmp_path_factory.mktemp("edge")) as caddy:
        yield caddy


@pytest.mark.parametrize(
    ("request_line", "content"),
    [
        ("GET /v2/team/app/manifests/v1", b""),
        ("HEAD /v2/team/app/manifests/v1", b""),
        ("GET /auth/token", b""),
        ("POST /auth/token", b"grant_type=password"),
    ],
)
def test_reads_and_sign_ins_are_not_lost_on_a_connection_that_a_service_closes(
    caddy: RunningCaddy, request_line: str, content: bytes
) -> None:
    method, path = request_line.split()
    with httpx.Client(base_url=caddy.url) as client:
        answers = [client.request(method, path, content=content or None) for _ in range(TIMES)]
    assert [(one.status_code, one.text) for one in answers] == [(202, "")] * TIMES


@pytest.mark.parametrize(("method", "status"), [("GET", 202), ("HEAD", 202), ("PUT", 503)])
def test_a_read_that_is_dropped_on_a_new_connection_is_sent_once_more(caddy: RunningCaddy, method: str, status: int) -> None:
    """A write is not, since it may have been seen: `ops.stack.rollout` sees to it that there are none."""
    path = f"/v2/dropped/manifests/{method.lower()}"
    assert httpx.request(method, caddy.url + path, content=MANIFEST if method == "PUT" else None).status_code == status
    assert path in Stopping.dropped or method == "PUT"
