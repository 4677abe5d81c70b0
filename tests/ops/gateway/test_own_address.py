"""Which address of a name is this machine's own."""

from __future__ import annotations

import socket

import pytest

from ops.gateway import server
from ops.gateway.own_address import own_address

_OTHERS, _OWN = "203.0.113.9", "127.0.0.1"


@pytest.fixture(params=[(_OTHERS, _OWN), (_OWN, _OTHERS)], ids=["other-first", "own-first"])
def _shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a name stand for this machine and another one, as Docker's name server does, in either order."""
    real = socket.getaddrinfo

    def lookup(host: str, *rest: object, **options: object) -> list[object]:
        asked = request.param if host == "gateway.app" else [host]
        return [found for address in asked for found in real(address, *rest, **options)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.mark.usefixtures("_shared")
def test_a_name_that_two_containers_have_is_listened_on_at_ones_own_address() -> None:
    assert own_address("gateway.app") == _OWN
    with server.listen("gateway.app", 0) as listener:
        assert listener.getsockname()[0] == _OWN


@pytest.mark.parametrize("name", [_OTHERS, "nowhere.invalid"])
def test_what_is_not_this_machines_is_an_error(name: str) -> None:
    with pytest.raises(OSError, match=r"assign requested|not known|resolution"):
        own_address(name)
