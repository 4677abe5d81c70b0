"""Addresses and names, as text."""

from __future__ import annotations

import pytest

from infra.hetzner.names import record_name
from infra.hetzner.network import first_address


@pytest.mark.parametrize(
    ("network", "address"),
    [("2001:db8:1::/64", "2001:db8:1::1"), ("2001:db8:1::", "2001:db8:1::1"), ("2001:db8:1::1", "2001:db8:1::1")],
)
def test_the_server_has_the_first_address_of_its_network(network: str, address: str) -> None:
    assert first_address(network) == address


@pytest.mark.parametrize(
    ("host", "name"), [("registry.example.com", "registry"), ("a.b.example.com", "a.b"), ("example.com", "@")]
)
def test_a_record_has_the_name_that_its_zone_gives_it(host: str, name: str) -> None:
    assert record_name(host, "example.com") == name
