"""A stand-in for the Docker API, with what pulling images needs."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FIRST = {"status": "Pulling from library/redis", "id": "9.0.0"}


@dataclass
class Registry:
    """What the stand-in answers.

    Attributes:
        address: Its DOCKER_HOST.
        lines: What a pull says after its first line.
        ending: What it says after them.
        status: The status of a pull's answer.
        images: References that the engine has.
        pulled: References that were asked for.
        brings: Whether a pull without an error brings the image.
        goes_on: A pull without an end waits for it.
    """

    address: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    ending: bytes = b""
    status: int = 200
    images: set[str] = field(default_factory=set)
    pulled: list[str] = field(default_factory=list)
    brings: bool = True
    goes_on: threading.Event | None = None

    def pull(self, reference: str) -> None:
        self.pulled.append(reference)
        if self.brings and not any("error" in line for line in self.lines):
            self.images.add(reference)

    def offer(self, *lines: dict[str, Any]) -> None:
        self.lines = list(lines)


class _Handler(BaseHTTPRequestHandler):
    """The requests of the Docker API that pulling needs."""

    registry: Registry
    protocol_version = "HTTP/1.1"  # a pull is answered in chunks

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.41"})
            return
        reference = path.partition("/images/")[2].removesuffix("/json")
        there = reference in self.registry.images
        self._answer(200 if there else 404, {"Id": "sha256:" + "1" * 64} if there else {"message": "No such image"})

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        name, tag = query["fromImage"][0], query["tag"][0]
        self.registry.pull(f"{name}{'@' if tag.startswith('sha256:') else ':'}{tag}")
        if self.registry.status != 200:
            self._answer(self.registry.status, {"message": f"refused with {self.registry.status}"})
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in (FIRST, *self.registry.lines):
            self._write_chunk(json.dumps(line).encode() + b"\r\n")
        if self.registry.ending:
            self._write_chunk(self.registry.ending)
        if self.registry.goes_on:
            self.registry.goes_on.wait(30)
        self._write_chunk(b"")

    def _write_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def _answer(self, status: int, content: dict[str, str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        pass


@contextlib.contextmanager
def docker_api() -> Iterator[Registry]:
    """Answer as a Docker engine on a port of this machine."""
    registry = Registry()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        registry.address = f"tcp://127.0.0.1:{server.server_port}"
        yield registry
        server.shutdown()
        thread.join()
