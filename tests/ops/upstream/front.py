"""A server that behaves as registries on the Internet do at times: it sends on, cuts, and gives other content."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Front:
    """A server whose answers a test decides.

    Attributes:
        name: Its host and port.
        asked: Path and `Authorization` of each request, in their order.
    """

    name: str
    asked: list[tuple[str, str]] = field(default_factory=list)


Answers = Callable[[str], tuple[int, dict[str, str], bytes]]


@contextlib.contextmanager
def running_front(answers: Answers) -> Iterator[Front]:
    """Run a front on loopback.

    Args:
        answers: Returns status, headers and body by path. A `Content-Length` that is too large cuts the answer short.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            front.asked.append((self.path, self.headers.get("Authorization", "")))
            status, headers, body = answers(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the standard library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front = Front(f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()
