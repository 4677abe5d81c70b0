"""The registry: accounts beside the operator's, and hosts of layers that are elsewhere."""

from __future__ import annotations

import pytest

from infra.blocks.registry import RESERVED_ACCOUNTS
from infra.settings import SettingsError, parse
from stack_components.gateway.service_accounts import SERVICE_ACCOUNTS


def test_the_names_of_the_services_accounts_are_reserved() -> None:
    assert set(SERVICE_ACCOUNTS) == RESERVED_ACCOUNTS
    for name in RESERVED_ACCOUNTS:
        with pytest.raises(SettingsError) as refused:
            parse({"accounts": [{"name": name, "access": [{"repositories": "**", "actions": ["pull"]}]}]}, stack="test")
        assert refused.value.problems == [
            f"accounts.0.name: is the account of {name}, a part of this program; choose another name (got {name!r})"
        ]


@pytest.mark.parametrize(
    "host", ["https://mcr.microsoft.com", "mcr.microsoft.com/", "mcr.microsoft.com:443", ".*", "", "MCR.example.com"]
)
def test_layers_are_elsewhere_at_hosts_that_are_named(host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"registry": {"foreign_layer_hosts": [host]}}, stack="test")
    (problem,) = refused.value.problems
    assert problem.startswith("registry.foreign_layer_hosts.0: ")
