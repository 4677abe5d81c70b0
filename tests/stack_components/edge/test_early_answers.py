"""Uploads that come without a token, through the real edge: the registry's answer arrives, however large they are."""

from __future__ import annotations

import re
import socket
import struct
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.stack_components.edge.caddy import running_caddy_before
from tests.stack_components.edge.whole import running_whole

pytestmark = pytest.mark.system

# The largest manifest that the registry takes is a little larger.
LARGE = b"x" * 3_900_000
PATH = f"/v2/team/app/manifests/sha256:{'a' * 64}"
TIMES = 10
READ_ANYWAY = 256 * 1024


class Impatient(BaseHTTPRequestHandler):
    """A STAND-IN for a registry as an edge finds it that was busy: it has answered, and closed the connection."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer without reading more than it reads anyway, and close."""
        length = int(self.headers.get("Content-Length", 0))
        if length <= READ_ANYWAY:
            self.rfile.read(length)
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if length > READ_ANYWAY:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    do_PUT = do_PATCH = answer  # noqa: N815  # names of the standard library

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_answer_does_not_depend_on_how_busy_the_edge_is(tmp_path: Path, method: str) -> None:
    with running_caddy_before(Impatient, tmp_path) as caddy:
        answers = [httpx.request(method, caddy.url + PATH, content=LARGE, timeout=20).status_code for _ in range(TIMES)]
    assert answers == [401] * TIMES


def test_the_registry_says_where_tokens_are_and_takes_the_upload_with_one(tmp_path: Path) -> None:
    with running_whole(tmp_path) as (_, registry):
        answer = registry.request("PUT", PATH, content=LARGE, headers={"Content-Type": MANIFEST_TYPE}, timeout=20)
        assert answer.status_code == 401
        assert re.search(r'scope="repository:team/app:(push,pull|pull,push)"', answer.headers["WWW-Authenticate"])
        token = registry.token("repository:team/app:pull,push", "admin")
        answer = registry.request("PUT", PATH, token, content=LARGE, headers={"Content-Type": MANIFEST_TYPE}, timeout=20)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID"), "all of it came"
