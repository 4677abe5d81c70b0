"""The provider's configuration: what it takes, and the token that it does not do without."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools.offline.plugins.hcloud.world import TOKEN
from tools.offline.plugins.hcloud.provider import check_config
from tools.offline.plugins.values import UNKNOWN, Properties, Secret


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCLOUD_TOKEN", raising=False)


def _reasons(inputs: Properties) -> str:
    return "; ".join(fault.reason for fault in check_config(inputs).failures)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"endpoint": "http://127.0.0.1:1/v1", "endpointHetzner": "http://127.0.0.1:1/v1"},
        {"pollInterval": "100ms", "pollFunction": "constant"},
        {"pollInterval": UNKNOWN},
        {"version": "1.39.1", "__internal": {}},
    ],
)
def test_what_the_official_plugin_takes_is_taken(more: Properties) -> None:
    assert _reasons({"token": TOKEN, **more}) == ""


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "Missing Hetzner Cloud API token"),
        ({"token": ""}, "Missing Hetzner Cloud API token"),
        ({"token": TOKEN[1:]}, "entered token is invalid (must be exactly 64 characters long)"),
        ({"token": Secret(TOKEN + "x")}, "entered token is invalid (must be exactly 64 characters long)"),
        ({"token": TOKEN, "unheard": 1}, "`hcloud:unheard` is not a valid configuration key"),
        ({"token": TOKEN, "pollInterval": "often"}, "'often' is not a valid duration"),
        ({"token": TOKEN, "pollInterval": "5"}, "'5' is not a valid duration"),
        ({"token": TOKEN, "pollFunction": "odd"}, "expected poll_function to be one of"),
    ],
)
def test_what_the_official_plugin_refuses_is_refused(inputs: Properties, reason: str) -> None:
    assert reason in _reasons(inputs)


@pytest.mark.parametrize(("token", "reason"), [(TOKEN, ""), ("short", "exactly 64 characters"), (None, "Missing")])
def test_the_token_may_come_from_the_environment(token: str | None, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if token:
        monkeypatch.setenv("HCLOUD_TOKEN", token)
    assert reason in _reasons({})
    assert bool(_reasons({})) == bool(reason)


@pytest.mark.parametrize("token", [TOKEN, Secret(TOKEN), UNKNOWN])
def test_the_token_is_a_secret_and_may_be_known_later(token: Any) -> None:
    checked = check_config({"token": token})
    assert not checked.failures
    assert checked.inputs == {"token": UNKNOWN if token is UNKNOWN else Secret(TOKEN)}
