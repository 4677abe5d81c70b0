"""The edge's settings: which proxies it may trust."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import Settings, SettingsError, parse


def edge(**given: Any) -> Settings:
    return parse({"edge": given}, stack="test")


def test_an_address_is_a_network_of_one() -> None:
    settings = edge(trusted_proxies=["127.0.0.1", "::1", "192.0.2.7", "2001:db8::/32"]).edge
    assert settings.trusts_this_host
    assert settings.other_proxies == ("192.0.2.7/32", "2001:db8::/32")
    assert not edge().edge.trusts_this_host


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("0.0.0.0/0", "is everybody"),
        ("::/0", "is everybody"),
        ("192.0.2.7/24", "has host bits set"),
        ("cloudflared", "does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_proxy_is_named_by_its_address(given: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        edge(trusted_proxies=[given])
    (problem,) = refused.value.problems
    assert problem.startswith("edge.trusted_proxies.0: ")
    assert why in problem
