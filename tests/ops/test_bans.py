"""Bans as cscli prints them: read, counted from now, and found by address."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.bans import Ban, BansError, hits, read

NOW = datetime(2026, 11, 25, 12, 0, 0, 500, UTC)
# As cscli 1.7.8 prints it, without what is not read.
DECISION: dict[str, Any] = {
    "duration": "3h59m58s",
    "id": 4,
    "origin": "crowdsec",
    "scenario": "crowdsecurity/http-probing",
    "scope": "Ip",
    "simulated": False,
    "type": "ban",
    "value": "203.0.113.7",
}
ALERT: dict[str, Any] = {"created_at": "2026-11-25T11:59:58Z", "decisions": [DECISION], "source": {"cn": "NL"}}


def read_with(alert: dict[str, Any], **decision: Any) -> list[Ban]:
    return read(json.dumps([{**alert, "decisions": [{**DECISION, **decision}]}]), NOW)


def test_a_ban_has_who_why_since_and_until() -> None:
    (ban,) = read_with(ALERT)
    assert (ban.value, ban.reason, ban.origin, ban.country) == ("203.0.113.7", "crowdsecurity/http-probing", "crowdsec", "NL")
    assert ban.document()["since"] == "2026-11-25T11:59:58+00:00"
    assert ban.document()["until"] == "2026-11-25T15:59:58+00:00"


@pytest.mark.parametrize(("duration", "until"), [("59s", "12:00:59"), ("167h0m0s", "11:00:00"), ("12m0s", "12:12:00")])
def test_durations_are_read_as_go_writes_them(duration: str, until: str) -> None:
    assert f"{read_with(ALERT, duration=duration)[0].until:%H:%M:%S}" == until


def test_bans_that_are_over_are_none() -> None:
    assert read_with(ALERT, duration="-1m3s") == []
    assert read_with(ALERT, duration="0s") == []


@pytest.mark.parametrize("nothing", ["[]", "null", json.dumps([{**ALERT, "decisions": None}])])
def test_nobody_may_be_banned(nothing: str) -> None:
    assert read(nothing, NOW) == []


def test_a_ban_whose_source_is_unknown_has_no_country() -> None:
    assert read_with({**ALERT, "source": None})[0].country == ""


@pytest.mark.parametrize("printed", ["", "oh no", "{}x", '[{"decisions": [{}]}]', '[{"decisions": [1]}]', "[1]", '{"a": 1}'])
def test_what_is_not_understood_is_told(printed: str) -> None:
    with pytest.raises(BansError, match="not understood"):
        read(printed, NOW)


@pytest.mark.parametrize(
    ("banned", "target", "hit"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.0/24", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.0/24", True),
        ("2001:DB8::0:7", "2001:db8::7", True),
        ("2001:db8::/32", "203.0.113.7", False),
        ("XX", "203.0.113.7", False),
    ],
)
def test_bans_are_found_by_an_address_within_and_by_a_network_around(banned: str, target: str, hit: bool) -> None:
    bans = read_with(ALERT, value=banned)
    assert hits(bans, ipaddress.ip_network(target)) == (bans if hit else [])
