"""Accounts beside the operator's."""

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
            f"accounts.0.name: is the account of the service {name}; choose another name (got {name!r})"
        ]
