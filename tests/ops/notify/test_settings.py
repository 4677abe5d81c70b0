"""Settings of notifications: errors name the key, and tokens do not travel in clear text."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from pydantic import ValidationError

from ops.config import describe
from ops.config.notify import AlertRules, GotifyChannel, NotifySettings, NtfyChannel, QuietHours, Severity

NTFY = {"kind": "ntfy", "server": "https://ntfy.example.com/", "topic": "registry-alerts"}


def problems(**settings: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        NotifySettings.model_validate(settings)
    return describe(caught.value)


def test_little_is_needed() -> None:
    settings = NotifySettings.model_validate({"channels": {"phone": NTFY, "tablet": {"kind": "gotify", "minimum": "warning"}}})
    phone, tablet = settings.channels["phone"], settings.channels["tablet"]
    assert isinstance(phone, NtfyChannel)
    assert isinstance(tablet, GotifyChannel)
    assert (phone.server, phone.token_secret, phone.minimum) == ("https://ntfy.example.com", "ntfy_token", Severity.INFO)
    assert (tablet.server, tablet.server_secret, tablet.token_secret) == (None, "gotify_url_secret", "gotify_token")
    assert tablet.minimum is Severity.WARNING
    assert NotifySettings() == NotifySettings.model_validate({})
    assert NotifySettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        ({"server": "http://ntfy.example.com"}, "channels.phone.ntfy.server", "https://"),
        ({"server": "http://93.184.215.14"}, "channels.phone.ntfy.server", "https://"),
        ({"server": "https://ntfy.example.com/topic"}, "channels.phone.ntfy.server", "the topic has a key of its own"),
        ({"server": "https://user:pass@ntfy.example.com"}, "channels.phone.ntfy.server", "URL of a server"),
        ({"server": "ntfy.example.com"}, "channels.phone.ntfy.server", "URL of a server"),
        ({"server": "https://[::1"}, "channels.phone.ntfy.server", "URL of a server"),
        ({"server": "https://ntfy.example.com:port"}, "channels.phone.ntfy.server", "URL of a server"),
        ({"topic": "a/b"}, "channels.phone.ntfy.topic", "pattern"),
        ({"token_secret": "../../etc/passwd"}, "channels.phone.ntfy.token_secret", "pattern"),
        ({"minimum": "loud"}, "channels.phone.ntfy.minimum", "'warning'"),
        ({"kind": "mail"}, "channels.phone", "'ntfy', 'gotify'"),
        ({"prio": 1}, "channels.phone.ntfy.prio", "unknown key"),
    ],
)
def test_a_bad_channel_is_reported_with_its_key(change: dict[str, object], key: str, said: str) -> None:
    (problem,) = problems(channels={"phone": {**NTFY, **change}})
    assert problem.startswith(f"{key}: ")
    assert said in problem
    assert "pass@" not in problem


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:8080", "http://[::1]:80", "http://10.0.0.5", "http://ntfy", "http://localhost:1"]
)
def test_clear_text_is_for_near_servers(server: str) -> None:
    assert NtfyChannel.model_validate({**NTFY, "server": server}).server == server


@pytest.mark.parametrize(
    ("rules", "key", "said"),
    [
        ({"time_zone": "Europe/Bonn"}, "rules.time_zone", "Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "rules.time_zone", "Europe/Berlin"),
        ({"time_zone": "Europe"}, "rules.time_zone", "Europe/Berlin"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "rules.quiet_hours.start", "pattern"),
        ({"quiet_hours": {"start": "22:00"}}, "rules.quiet_hours.end", "is required"),
        ({"quiet_hours": {"start": "07:00", "end": "07:00"}}, "rules.quiet_hours", "should differ"),
        ({"reminder_hours": 0}, "rules.reminder_hours", "greater than or equal to 1"),
        ({"digest_hour": 24}, "rules.digest_hour", "less than or equal to 23"),
    ],
)
def test_bad_rules_are_reported_with_their_key(rules: dict[str, object], key: str, said: str) -> None:
    (problem,) = problems(rules=rules)
    assert problem.startswith(f"{key}: ")
    assert said in problem


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        ("22:00", "07:00", ["22:00", "23:59", "00:00", "06:59"], ["07:00", "12:00", "21:59"]),
        ("01:00", "05:30", ["01:00", "05:29"], ["00:59", "05:30", "23:00"]),
    ],
)
def test_quiet_hours_may_go_over_midnight(start: str, end: str, inside: list[str], outside: list[str]) -> None:
    hours = QuietHours(start=start, end=end)
    assert all(hours.covers(time.fromisoformat(moment)) for moment in inside)
    assert not any(hours.covers(time.fromisoformat(moment)) for moment in outside)


def test_the_defaults_remind_daily() -> None:
    assert AlertRules() == AlertRules(time_zone="UTC", quiet_hours=None, reminder_hours=24, digest_hour=8)
