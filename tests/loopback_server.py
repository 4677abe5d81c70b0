"""An HTTP server on loopback whose answers a test decides: it may send too little, or nothing at all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body. A `Content-Length` that is too large cuts the answer short."""

Answers = Callable[[str, str, Mapping[str, str]], Answer | None]
"""Returns the answer to method, path and headers; None ends the connection without one."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients go away whenever they want."""


@contextlib.contextmanager
def serving(answers: Answers, *, port: int = 0, connected: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Run a server, and give its port.

    Args:
        answers: What it answers; called by many threads at once.
        port: Its port; 0 for any.
        connected: Called with each new connection.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            connected()

        def do_GET(self) -> None:
            answer = answers(self.command, self.path, {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers})
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            sent = {"Content-Length": str(len(body)), **headers}
            self.send_response(status)
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
                self.close_connection = self.close_connection or int(sent["Content-Length"]) > len(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the standard library
            pass

    with _Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
