"""A FAKE of Gotify's server: POST /message as its source and its API documentation have it.

https://github.com/gotify/server (api/message.go, auth/authentication.go, error/handler.go), https://gotify.net/api-docs
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_STATUS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass
class GotifyFake:
    """A server with one application.

    Attributes:
        token: Of the application.
        url: Where it is reached.
        messages: What it has taken, as its API shows them.
        answers: Answers of a proxy in front of it: status and headers, one for each of the next requests.
    """

    token: str
    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    def __init__(self, fake: GotifyFake) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fake.answers:
            status, headers = fake.answers.pop(0)
            self._say(status, {"error": _STATUS.get(status, "")}, headers)
        elif self.path != "/message":
            self._fail(404, "page not found")
        elif self.headers.get("X-Gotify-Key") != fake.token:
            self._fail(401, "you need to provide a valid access token or user credentials to access this api")
        elif isinstance(given := _read(body), str):
            self._fail(400, given)
        else:
            title = given.get("title", "")
            message = {
                "id": len(fake.messages) + 1,
                "appid": 1,
                "message": given["message"],
                "title": title if title.strip() else "the application",
                "priority": given.get("priority", 0),
                **({"extras": given["extras"]} if given.get("extras") else {}),
                "date": datetime.now(UTC).isoformat(),
            }
            fake.messages.append(message)
            self._say(200, message)

    def _fail(self, status: int, why: str) -> None:
        self._say(status, {"error": _STATUS[status], "errorCode": status, "errorDescription": why})

    def _say(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _read(body: bytes) -> dict[str, Any] | str:
    """Return a message, or what is wrong with it."""
    try:
        given = json.loads(body.decode())
    except ValueError as error:
        return str(error)
    if not isinstance(given, dict):
        return "json: cannot unmarshal into Go value of type model.CreateMessage"
    for key, kind in {"message": str, "title": str, "priority": int, "extras": dict}.items():
        if not isinstance(given.get(key, kind()), kind):
            return f"json: cannot unmarshal into Go struct field CreateMessage.{key}"
    return given if given.get("message") else "Field 'message' is required"


@contextlib.contextmanager
def gotify_fake(token: str) -> Iterator[GotifyFake]:
    """Run the fake on a free port."""
    fake = GotifyFake(token)
    with _Server(fake) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
