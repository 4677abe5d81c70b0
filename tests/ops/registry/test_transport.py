"""One request to a registry: where it may go, what comes back, and what is retried."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from ops.core.process import run
from ops.registry.transport import Answer, Endpoint, InsecureError, PooledEndpoint, RegistryError, UnreachableError, reason_of

NAME = "registry.example"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDED = None  # the server closes the connection instead of answering


class Server:
    """A server that sends one answer after the other, over any number of connections."""

    def __init__(self, answers: Sequence[bytes | None], certificate: Path | None) -> None:
        self.heads: list[str] = []
        self.connections = 0
        self._answers = iter(answers)
        self._next = threading.Lock()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if certificate:
            self._context.load_cert_chain(certificate)
        self._tls = certificate is not None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def accept(self) -> None:
        """Serve each connection in a thread, until the listener is closed."""
        with ThreadPoolExecutor(16) as threads, contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                self.connections += 1
                threads.submit(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            connection = self._context.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection, connection.makefile("rb") as stream:
                while head := _head(stream):
                    stream.read(next((int(line[15:]) for line in head if line.startswith(b"Content-Length:")), 0))
                    with self._next:
                        self.heads.append(b"".join(head).decode())
                        answer = next(self._answers)
                    if answer is ENDED:
                        return
                    connection.sendall(answer)
                    if answer != OK:
                        return


def _head(stream: IO[bytes]) -> list[bytes]:
    """Return the lines of the next request, without its body; none after the last one."""
    return list(itertools.takewhile(lambda line: line not in {b"", b"\r\n"}, iter(stream.readline, None)))


@contextlib.contextmanager
def serving(answers: Sequence[bytes | None], certificate: Path | None = None) -> Iterator[Server]:
    server = Server(answers, certificate)
    thread = threading.Thread(target=server.accept)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


def get(endpoint: Endpoint, target: str = "/v2/") -> Answer:
    return endpoint.ask("GET", target, headers={})


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/v2/",
        "http://registry.example/v2/",
        "https://registry.example:444/v2/",
        "//elsewhere.example/v2/",
    ],
)
def test_nothing_is_sent_to_another_server(target: str) -> None:
    for endpoint in (Endpoint(f"https://{NAME}"), PooledEndpoint(f"https://{NAME}")):
        with pytest.raises(InsecureError, match="not followed"):
            get(endpoint, target)


@pytest.mark.parametrize("target", ["https://registry.example:port/v2/", "https://[::1/v2/"])
def test_an_invalid_url_is_an_error(target: str) -> None:
    with pytest.raises(RegistryError, match="points to an invalid URL"):
        get(Endpoint(f"https://{NAME}"), target)


def test_redirects_are_not_followed() -> None:
    with serving([b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"]) as server:
        answer = get(Endpoint(f"http://127.0.0.1:{server.port}"))
    assert (answer.status, answer.headers["location"]) == (307, "/elsewhere")
    assert len(server.heads) == 1


def test_a_name_with_a_given_address_is_not_looked_up_but_sent_as_host() -> None:
    with serving([OK]) as server:
        address = f"http://{NAME}:{server.port}"
        answer = get(Endpoint(address, addresses={NAME: "127.0.0.1"}), f"{address}/v2/a?b=%2F#c")
    assert (answer.asked, answer.status, answer.body) == ("GET /v2/a", 200, b"ok")
    head = server.heads[0].splitlines()
    assert head[0] == "GET /v2/a?b=%2F HTTP/1.1"
    assert f"Host: {NAME}:{server.port}" in head
    assert "Accept-Encoding: identity" in head


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nthe beginning",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nthe begi\r\n5\r\nnning\r\n63\r\n",
    ],
)
@pytest.mark.parametrize("kind", [Endpoint, PooledEndpoint])
def test_a_truncated_body_is_returned(answer: bytes, kind: type[Endpoint]) -> None:
    with serving([answer]) as server:
        assert get(kind(f"http://127.0.0.1:{server.port}")).body == b"the beginning"
    assert len(server.heads) == 1


def test_compressed_content_is_not_decoded() -> None:
    with serving([b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nbytes"]) as server:
        assert get(Endpoint(f"http://127.0.0.1:{server.port}")).body == b"bytes"


@pytest.mark.parametrize(
    ("answer", "reason"), [(ENDED, "without response"), (b"SSH-2.0-OpenSSH\r\n", "not an HTTP answer: BadStatusLine")]
)
def test_a_missing_answer_is_reported_with_its_reason_and_not_retried(answer: bytes | None, reason: str) -> None:
    for kind in (Endpoint, PooledEndpoint):
        with serving([answer, OK]) as server, pytest.raises(UnreachableError, match=reason) as told:
            get(kind(f"http://127.0.0.1:{server.port}"))
        assert str(told.value).startswith(f"http://127.0.0.1:{server.port}: ")
        assert len(server.heads) == 1


def test_connections_are_kept_and_only_reads_are_retried_if_one_was_closed() -> None:
    with serving([OK, OK, ENDED, OK, OK, ENDED, OK]) as server:
        endpoint = PooledEndpoint(f"http://127.0.0.1:{server.port}")
        for _ in range(3):
            assert get(endpoint).body == b"ok"
        assert (len(server.heads), server.connections) == (4, 2)
        assert get(endpoint).body == b"ok"
        with pytest.raises(UnreachableError, match="without response"):
            endpoint.ask("POST", "/v2/", headers={}, content=b"x")
        assert (len(server.heads), server.connections) == (6, 2)
        endpoint.close()


def test_reads_over_a_new_connection_are_not_retried() -> None:
    with serving([OK, ENDED, ENDED, OK]) as server:
        endpoint = PooledEndpoint(f"http://127.0.0.1:{server.port}")
        assert get(endpoint).body == b"ok"
        with pytest.raises(UnreachableError):
            get(endpoint)
        assert (len(server.heads), server.connections) == (3, 2)
        endpoint.close()


def test_threads_share_the_pool() -> None:
    with serving([OK] * 400) as server:
        endpoint = PooledEndpoint(f"http://127.0.0.1:{server.port}")
        with ThreadPoolExecutor(8) as threads:
            bodies = set(threads.map(lambda _: get(endpoint).body, range(400)))
        endpoint.close()
    assert bodies == {b"ok"}
    assert server.connections <= 8


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key; the `.crt` beside it has no key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    run([*words, *names, "-keyout", path, "-out", path.with_suffix(".crt")], timeout=30)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def test_tls_verifies_the_name_whatever_the_address(certificate: Path) -> None:
    ca = certificate.with_suffix(".crt")
    with serving([OK, OK, OK], certificate) as server:
        here = {NAME: "127.0.0.1", "other.example": "127.0.0.1"}
        endpoint = PooledEndpoint(f"https://{NAME}:{server.port}", ca, here)
        assert [get(endpoint).body, get(endpoint).body] == [b"ok", b"ok"]
        assert server.connections == 1
        endpoint.close()
        begins, ends = Endpoint(f"https://{NAME}:{server.port}", ca, here).certificate_times()
        assert begins <= datetime.now(UTC) < ends
        assert ends - begins == timedelta(days=2)
        for wrong in (
            Endpoint(f"https://other.example:{server.port}", ca, here),
            Endpoint(f"https://127.0.0.1:{server.port}", ca),
            Endpoint(f"https://{NAME}:{server.port}", None, here),
        ):
            for ask in (lambda wrong=wrong: get(wrong), wrong.certificate_times):
                with pytest.raises(UnreachableError, match="its certificate is not trusted: "):
                    ask()
    assert len(server.heads) == 2


def test_a_missing_ca_file_is_named(certificate: Path) -> None:
    missing = certificate.with_name("missing.crt")
    with pytest.raises(UnreachableError, match=rf"{missing}: No such file or directory"):
        get(Endpoint("https://127.0.0.1", missing))


def test_reasons_are_plain() -> None:
    assert reason_of(TimeoutError("timed out")) == "timed out"
    with pytest.raises(UnreachableError, match="its name is not known: "):
        get(Endpoint("https://no-such-host.invalid"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError, match=r": Connection refused$"):
            get(Endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}"))
