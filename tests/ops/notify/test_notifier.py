"""Notifications of a stack: stored for its channels, with a page to open if there is one, and nothing without channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import ServiceLimits
from ops.config.notify import NotifySettings
from ops.notify.message import Action, Message
from ops.notify.notifier import Notifier
from ops.notify.policy import AlertEvent
from tests.ops.runs.test_task import stack_in

PHONE = NotifySettings.model_validate({"channels": {"phone": {"kind": "ntfy", "server": "http://127.0.0.1:9", "topic": "t"}}})
NEWS = AlertEvent(Message("2 tags added"))


@pytest.mark.parametrize("services", [{"console": ServiceLimits(cpus=1, memory_mib=64)}, {}], ids=["with pages", "without"])
def test_a_tap_leads_to_the_pages_where_there_are_any(tmp_path: Path, services: dict[str, ServiceLimits]) -> None:
    (letter,) = Notifier(stack_in(tmp_path, notify=PHONE, services=services)).tell([NEWS])
    assert letter.message.actions == ((Action("Open the registry", "https://registry.example.com"),) if services else ())


def test_a_message_that_has_a_page_keeps_it(tmp_path: Path) -> None:
    own = Action("See the build", "https://ci.example.com/7")
    notifier = Notifier(stack_in(tmp_path, notify=PHONE, services={"console": ServiceLimits(cpus=1, memory_mib=64)}))
    (letter,) = notifier.tell([AlertEvent(Message("pushed", actions=(own,)))])
    assert letter.message.actions == (own,)


def test_without_channels_nothing_is_kept(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert Notifier(stack).tell([NEWS]) == ()
    assert Notifier(stack).send() == {}
    assert not stack.data.exists()
