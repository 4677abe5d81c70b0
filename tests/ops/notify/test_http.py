"""One POST: what counts as accepted, refused or unavailable, in bounded time, and without secrets in errors."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ops.core.process import run
from ops.notify import http as subject
from ops.notify.http import RefusedError, UnavailableError, post
from tests.ops.notify.gotify_fake import GotifyFake, gotify_fake

TOKEN = "AbCdEf0123456789"
BODY = b'{"message": "hello"}'


@pytest.fixture
def gotify() -> Iterator[GotifyFake]:
    with gotify_fake(TOKEN) as fake:
        yield fake


def send(gotify: GotifyFake, body: bytes = BODY, token: str = TOKEN) -> None:
    post(f"{gotify.url}/message", body, {"X-Gotify-Key": token}, secrets=[token])


def test_a_message_is_accepted(gotify: GotifyFake) -> None:
    send(gotify)
    assert [message["message"] for message in gotify.messages] == ["hello"]


@pytest.mark.parametrize(("body", "token"), [(BODY, "wrong"), (b"{}", TOKEN), (b"\xff", TOKEN), (b'{"message": 1}', TOKEN)])
def test_a_message_that_will_never_be_accepted_is_refused(gotify: GotifyFake, body: bytes, token: str) -> None:
    with pytest.raises(RefusedError, match=r"it answered 40[01] \("):
        send(gotify, body, token)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 429, 500, 502, 503, 504])
def test_what_may_work_later_is_unavailable_and_no_redirect_is_followed(gotify: GotifyFake, status: int) -> None:
    gotify.answers.append((status, {"Location": "/message"}))
    with pytest.raises(UnavailableError, match=f"it answered {status}") as caught:
        send(gotify)
    assert caught.value.retry_after_s is None
    assert gotify.messages == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_other_errors_of_the_client_are_final(gotify: GotifyFake, status: int) -> None:
    gotify.answers.append((status, {}))
    with pytest.raises(RefusedError, match=f"it answered {status}"):
        send(gotify)


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize(
    ("value", "least", "most"), [("7", 7, 7), ("0", 0, 0), (in_a_minute, 1, 60), ("-5", None, None), ("soon", None, None)]
)
def test_retry_after_is_read_in_both_forms(gotify: GotifyFake, value: object, least: float | None, most: float | None) -> None:
    gotify.answers.append((429, {"Retry-After": str(value() if callable(value) else value)}))
    with pytest.raises(UnavailableError) as caught:
        send(gotify)
    if least is None or most is None:
        assert caught.value.retry_after_s is None
    else:
        assert caught.value.retry_after_s is not None
        assert least <= caught.value.retry_after_s <= most


@contextlib.contextmanager
def server_that_says(answer: bytes, hold_s: float = 0.0) -> Iterator[str]:
    """Give the address of something that answers one request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)
                over.wait(hold_s)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    "body", [b"<html>welcome to the hotel</html>", b"", b"[]", b'"id"', b'{"healthy": true}', b"[" * 60_000, b"\xff\xfe"]
)
def test_a_200_from_something_else_is_not_a_delivery(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with server_that_says(head + body) as url, pytest.raises(UnavailableError, match="not like ntfy or Gotify"):
        post(url, BODY, {}, secrets=[])


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_broken_answers_are_not_a_delivery(answer: bytes) -> None:
    with server_that_says(answer) as url, pytest.raises(UnavailableError):
        post(url, BODY, {}, secrets=[])


def test_a_silent_service_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ANSWER_S", 0.3)
    begin = time.monotonic()
    with server_that_says(b"", hold_s=20) as url, pytest.raises(UnavailableError, match=r"no answer within 0\.3 s"):
        post(url, BODY, {}, secrets=[])
    assert time.monotonic() - begin < 5


def test_reasons_are_for_people() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError, match=r"^Connection refused$"):
            post(f"http://127.0.0.1:{taken.getsockname()[1]}/x", BODY, {}, secrets=[])
    with pytest.raises(UnavailableError, match=r"^its name is not known$"):
        post("https://no-such-host.invalid/x", BODY, {}, secrets=[])
    with server_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises(UnavailableError, match="TLS"):
        post(url.replace("http:", "https:"), BODY, {}, secrets=[])


def test_no_error_contains_a_token(gotify: GotifyFake) -> None:
    answer = b'HTTP/1.1 403 No\r\nContent-Length: 36\r\n\r\n{"error": "key AbCdEf0123456789 no"} '
    with server_that_says(answer) as url, pytest.raises(RefusedError) as refused:
        post(url, BODY, {"X-Gotify-Key": TOKEN}, secrets=[TOKEN])
    assert str(refused.value) == "it answered 403 (key [secret] no)"
    with pytest.raises(UnavailableError) as unknown:
        post(f"https://{TOKEN}.invalid/{TOKEN}", BODY, {"X-Gotify-Key": TOKEN}, secrets=[TOKEN])
    for error in (refused.value, unknown.value):
        assert TOKEN not in repr(error)
        assert error.__suppress_context__ or error.__context__ is None
    assert gotify.messages == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody has signed but itself, with its key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run(
        [*words, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", f"{path}.crt"],
        timeout=30,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@contextlib.contextmanager
def tls_server(certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Give the port of a server that takes one message over TLS, and what it has read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                # All of it: whoever closes with something unread resets the connection.
                while (piece := secure.recv(65_536)) and not b"".join([*read, piece]).endswith(BODY):
                    read.append(piece)
                read.append(piece)
                secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"id": 1}')

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], read
        thread.join()


def test_a_certificate_that_nobody_trusts_gets_no_token(certificate: Path) -> None:
    with tls_server(certificate) as (port, read), pytest.raises(UnavailableError, match="its certificate is not trusted"):
        post(f"https://localhost:{port}/", BODY, {"X-Gotify-Key": TOKEN}, secrets=[TOKEN])
    assert TOKEN.encode() not in b"".join(read)


def test_a_certificate_of_another_name_gets_no_token(certificate: Path) -> None:
    with tls_server(certificate) as (port, read), pytest.raises(UnavailableError, match="its certificate is not trusted"):
        post(f"https://127.0.0.1:{port}/", BODY, {"X-Gotify-Key": TOKEN}, secrets=[TOKEN], ca=certificate)
    assert TOKEN.encode() not in b"".join(read)


def test_the_operators_ca_is_trusted(certificate: Path) -> None:
    with tls_server(certificate) as (port, read):
        post(f"https://localhost:{port}/", BODY, {"X-Gotify-Key": TOKEN}, secrets=[TOKEN], ca=certificate)
    assert TOKEN.encode() in b"".join(read)


def test_a_missing_ca_file_is_reported(certificate: Path) -> None:
    with pytest.raises(UnavailableError, match=r"the CA file .*missing\.pem does not exist"):
        post("https://localhost:1/", BODY, {}, secrets=[], ca=certificate.with_name("missing.pem"))
