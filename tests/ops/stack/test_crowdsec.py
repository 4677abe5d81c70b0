"""Bans as cscli prints them: read, counted from now, and found by address."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from docker.errors import APIError

from ops.stack.crowdsec import Ban, BansError, CrowdSec, hits, read

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
    with pytest.raises(BansError, match="printed something unexpected"):
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


End = tuple[int, bytes, bytes] | APIError


class StandInForAContainer:
    """A STAND-IN for a container, in which cscli ends as it is told to."""

    name = "stack-crowdsec"

    def __init__(self, *ends: End) -> None:
        self._ends = list(ends)

    def exec_run(self, argv: list[str], *, demux: bool) -> tuple[int, tuple[bytes, bytes]]:
        assert demux
        assert argv[0] == "timeout"
        end = self._ends.pop(0)
        if isinstance(end, APIError):
            raise end
        code, *output = end
        return code, (output[0], output[1])


def asked(*ends: End) -> list[Ban]:
    container: Any = StandInForAContainer(*ends)
    return CrowdSec(container).bans()


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.stack.crowdsec._PAUSE_S", 0.0)


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.stack.crowdsec._PATIENCE_S", 0.0)


RESTARTING = APIError("409", explanation="is restarting", response=MagicMock(status_code=409))
PASSES: list[End] = [
    (1, b"", b"API error: incorrect Username or Password"),
    (1, b"", b"API error: database is locked (5) (SQLITE_BUSY)"),
    (137, b"", b""),
    (143, b"", b""),
    RESTARTING,
]


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("end", PASSES)
def test_a_locked_database_and_a_restart_are_waited_for(end: End) -> None:
    assert asked(end, end, (0, b"[]", b"")) == []


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("end", PASSES)
def test_they_are_not_waited_for_for_ever(end: End) -> None:
    with pytest.raises(BansError, match=r"API error|does not answer"):
        asked(end)


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("end", [(124, b"", b""), (137, b"", b""), RESTARTING])
def test_a_crowdsec_that_does_not_answer_is_told_with_its_exit_code(end: End) -> None:
    with pytest.raises(BansError, match="stack-crowdsec does not answer") as refused:
        asked(end)
    assert refused.value.exit_code == 13


def test_what_the_engine_refuses_is_told_at_once() -> None:
    with pytest.raises(BansError, match="cannot be run in stack-crowdsec: no space left"):
        asked(APIError("500", explanation="no space left", response=MagicMock(status_code=500)))


def test_another_failure_is_told_as_cscli_tells_it() -> None:
    with pytest.raises(BansError, match="exit code 127: no such file") as refused:
        asked((127, b"no such file", b""))
    assert refused.value.exit_code == 1
