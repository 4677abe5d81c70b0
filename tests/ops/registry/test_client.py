"""The client for the registry's API, when what it is answered makes no sense."""

from __future__ import annotations

import time

import pytest

from ops.registry.client import Login, RegistryClient
from ops.registry.transport import Endpoint, RegistryError, ThrottledError
from tests.loopback_server import Answer
from tests.ops.upstream.front import running_front


@pytest.mark.parametrize(
    "given",
    [
        b'{"token": "a\\r\\nX-Line: b"}',
        b'{"token": 5}',
        b'{"token": "a", "expires_in": 1e999}',
        b'{"token": "a", "expires_in": 1' + b"0" * 400 + b"}",
        b"[" * 20_000,
        b"[]",
        b"",
    ],
    ids=["two lines", "a number", "for ever", "for very long", "never closed", "a list", "nothing"],
)
def test_a_token_that_cannot_be_used_is_none(given: bytes) -> None:
    def answer(path: str) -> Answer:
        challenge = {"WWW-Authenticate": f'Bearer realm="http://{front.name}/token",service="a"'}
        return (200, {}, given) if path.startswith("/token") else (401, challenge, b"")

    with running_front(answer) as front, pytest.raises(RegistryError, match="was answered without a token"):
        RegistryClient(Endpoint(f"http://{front.name}"), Login("ann", "a password")).manifest("team/app", "v1")


def test_nobody_waits_for_ever() -> None:
    with running_front(lambda _: (429, {"Retry-After": "9" * 400}, b"[" * 20_000)) as front:
        client = RegistryClient(Endpoint(f"http://{front.name}"), until=time.monotonic() + 1)
        with pytest.raises(ThrottledError, match="too many requests from here"):
            client.request("GET", "/v2/")
