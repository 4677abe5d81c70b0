"""What is read of a request: who signs in, and from where."""

from __future__ import annotations

import asyncio
import base64

import pytest
from starlette.requests import Request
from starlette.types import Message

from ops.gateway.incoming import MalformedCredentialsError, basic_credentials, body_up_to, client_of


def request(*headers: tuple[str, str], peer: str = "172.18.0.5") -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "client": (peer, 1234)})


def authorization(text: bytes, scheme: str = "Basic") -> tuple[str, str]:
    return "authorization", f"{scheme} {base64.b64encode(text).decode()}"


@pytest.mark.parametrize(
    ("text", "credentials"),
    [
        (b"admin:secret", ("admin", "secret")),
        (b"admin:se:cret:", ("admin", "se:cret:")),
        (b"admin:", ("admin", "")),
        (b":secret", ("", "secret")),
        ("ädmin:pässwörd".encode(), ("ädmin", "pässwörd")),
        (b"a\0b:\n", ("a\0b", "\n")),
        (b":", None),
    ],
)
def test_credentials_are_read(text: bytes, credentials: tuple[str, str] | None) -> None:
    assert basic_credentials(request(authorization(text))) == credentials
    assert basic_credentials(request(authorization(text, "bASIC"))) == credentials


def test_no_header_means_not_signed_in() -> None:
    assert basic_credentials(request()) is None


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ", "Basic !", "Basic YWRtaW4", "Basic YWRtaW4=", "Basic /w==", "Bearer YTpi", "YTpi", "Basic ä"],
)
def test_credentials_that_cannot_be_read_are_refused(header: str) -> None:
    with pytest.raises(MalformedCredentialsError):
        basic_credentials(request(("authorization", header)))


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "172.18.0.5"),
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1,198.51.100.7 "], "198.51.100.7"),
        (["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        (["2001:db8::1"], "2001:db8::/64"),
        (["198.51.100.7, "], "172.18.0.5"),
        (["somebody"], "172.18.0.5"),
        ([","], "172.18.0.5"),
    ],
)
def test_the_client_is_the_last_hop_before_the_edge(forwarded: list[str], client: str) -> None:
    assert client_of(request(*(("x-forwarded-for", value) for value in forwarded))) == client


def test_a_client_without_an_address_is_still_counted() -> None:
    assert client_of(request(peer="unix")) == "unknown"


@pytest.mark.parametrize(
    ("chunks", "body"),
    [([b""], b""), ([b"abc", b"de"], b"abcde"), ([b"abc", b"def"], None), ([b"abcdef", b"", b"g"], None)],
)
def test_a_body_is_read_to_its_end_and_kept_up_to_a_limit(chunks: list[bytes], body: bytes | None) -> None:
    left = list(chunks)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    incoming = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)
    assert asyncio.run(body_up_to(incoming, 5)) == body
    assert left == []
