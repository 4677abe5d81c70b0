"""Where messages go: channels with their secrets, and the topic that only alerts had."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from infra.messages import faults, notes, notify_settings
from infra.settings import Settings, SettingsError
from infra.settings import parse as parse_settings
from ops.config.notify import AppriseChannel, NtfyChannel, Severity

TOPIC = "https://ntfy.example.com/registry-alerts"
PHONE = {"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "registry"}
MAIL = {"kind": "apprise", "minimum": "error"}


def settings(channels: Any = None, **given: Any) -> Settings:
    return parse_settings({"operations": {"notify": {"channels": channels or {}}}, **given}, stack="test")


def test_the_old_topic_gets_what_is_a_warning_or_worse() -> None:
    old = settings({"phone": PHONE}, monitoring={"ntfy_url": TOPIC}, ntfy_token="tk_1", **{})
    channels = notify_settings(old).channels
    assert list(channels) == ["phone", "alerts"]
    assert channels["alerts"] == NtfyChannel(
        kind="ntfy", server="https://ntfy.example.com", topic="registry-alerts", minimum=Severity.WARNING
    )
    assert list(faults(old)) == []
    (note,) = notes(old)
    assert note.startswith("monitoring.ntfy_url is the old way to say where alerts go: remove it, and write ")
    assert "{alerts: {kind: ntfy, server: https://ntfy.example.com, topic: registry-alerts, minimum: warning}}" in note


def test_what_the_note_says_is_what_was_done() -> None:
    old = settings(monitoring={"ntfy_url": TOPIC})
    (note,) = notes(old)
    written = yaml.safe_load(note.partition("operations.notify.channels: ")[2].partition("; until")[0])
    assert notify_settings(settings(written)) == notify_settings(old)
    assert notify_settings(old).channels["alerts"].secrets == ()


def test_a_topic_that_has_a_channel_is_told_once() -> None:
    both = settings({"phone": {**PHONE, "topic": "registry-alerts"}}, monitoring={"ntfy_url": TOPIC}, ntfy_token="tk_1")
    assert list(notify_settings(both).channels) == ["phone"]
    assert list(notes(both)) == [
        "monitoring.ntfy_url names a topic that operations.notify.channels.phone has too, which gets all alerts: remove it"
    ]


def test_the_name_of_its_channel_may_be_taken() -> None:
    taken = settings({"alerts": PHONE}, monitoring={"ntfy_url": TOPIC}, ntfy_token="tk_1")
    assert list(notify_settings(taken).channels) == ["alerts", "alerts-2"]
    assert "{alerts-2: " in notes(taken)[0]


def test_without_monitoring_it_has_no_channel() -> None:
    off = settings(monitoring={"enabled": False, "ntfy_url": TOPIC}, watchdog_url="https://hc-ping.com/x")
    assert notify_settings(off).channels == {}
    assert [note.partition(":")[0] for note in notes(off)] == ["watchdog_url"]
    assert list(notes(settings(watchdog_url="https://hc-ping.com/x"))) == []


def test_an_old_topic_that_would_send_a_token_in_clear_is_refused_with_a_remedy() -> None:
    clear = settings(monitoring={"ntfy_url": "http://ntfy.example.com/alerts"})
    assert list(faults(clear)) == [
        "monitoring.ntfy_url: should begin with https://, since a token is sent there; http:// is only for private addresses"
        " and containers; or move it to operations.notify.channels"
    ]
    assert list(notes(clear)) == []


def test_an_address_of_apprise_belongs_to_its_channel() -> None:
    right = settings({"mail": MAIL}, apprise_urls={"mail": "mailtos://user:pass@example.com"})
    assert list(faults(right)) == []
    assert notify_settings(right).channels["mail"] == AppriseChannel(kind="apprise", minimum=Severity.ERROR)
    (missing,) = faults(settings({"mail": MAIL}))
    assert missing == (
        "operations.notify.channels.mail: needs an address, which is a secret; set it with"
        """ `pulumi config set --secret --path 'apprise_urls["mail"]'`"""
    )
    (alone,) = faults(settings({"mail": PHONE}, apprise_urls={"mail": "mailtos://a"}, ntfy_token="tk_1"))
    assert alone.startswith('apprise_urls["mail"]: there is no channel of that name that uses it; add mail: {kind: apprise}')


@pytest.mark.parametrize(
    "url", ["hunter2", "mailtos:hunter2", "mail to://hunter2", "mailtos://a b hunter2", "mailtos://hunter2\nx://"]
)
def test_what_is_no_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"apprise_urls\.mail: should be an address as Apprise writes it") as caught:
        settings({"mail": MAIL}, apprise_urls={"mail": url})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["hunter2", "http://hc-ping.com/hunter2", "https://hc-ping.com/ hunter2"])
def test_the_outside_checker_is_asked_with_tls_and_its_address_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match=r"watchdog_url: should be the URL that a checker elsewhere gives") as caught:
        settings(watchdog_url=url)
    assert "hunter2" not in str(caught.value)
