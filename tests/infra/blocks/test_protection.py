"""Networks that are never banned: what is none, or is everybody, is refused with the reason."""

from __future__ import annotations

import pytest

from infra.settings import SettingsError, parse


def test_networks_and_single_addresses_are_taken() -> None:
    given = ["198.51.100.0/24", "203.0.113.7", "2001:db8::/32"]
    assert parse({"protection": {"allow": given}}, stack="test").protection.allow == (
        "198.51.100.0/24",
        "203.0.113.7/32",
        "2001:db8::/32",
    )


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("198.51.100.7/24", "has host bits set"),
        ("office.example.com", "does not appear to be an IPv4 or IPv6 network"),
        ("0.0.0.0/0", "to ban nobody, set protection.enabled to false"),
        ("::/0", "to ban nobody, set protection.enabled to false"),
    ],
)
def test_what_is_no_network_or_everybody_is_refused(network: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"protection": {"allow": [network]}}, stack="test")
    (problem,) = refused.value.problems
    assert problem.startswith("protection.allow.0: ")
    assert why in problem


def test_protection_is_on_and_shares_nothing_unless_told() -> None:
    settings = parse({}, stack="test").protection
    assert (settings.enabled, settings.community) == (True, False)
