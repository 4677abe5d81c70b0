"""Messages hold only what can be shown, kept and sent; the exact bodies that both services get."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from ops.config.notify import Severity
from ops.notify.gotify import gotify_json
from ops.notify.message import Action, Fingerprint, Letter, Message, collapse, report
from ops.notify.ntfy import ntfy_json
from ops.notify.text import size
from tests.ops.notify.notify_samples import DAY, HOUR, NOON, gc_failed, letter

NTFY_MESSAGE_LIMIT, NTFY_JSON_LIMIT, GOTIFY_TEXT_LIMIT = 4096, 8192, 65_535

NTFY_BODY = """\
Where: registry.example.com
Since: 2026-11-18 12:00 UTC
Impact: 12 GB stay in use; pulls and pushes go on

sweep: permission denied: blobs/sha256/ab

Next: regops gc --dry-run
Run 20261118-120000-ab12, message 0badcafe"""

GOTIFY_BODY = """\
Where: registry.example.com
Since: 2026-11-18 12:00 UTC
Impact: 12 GB stay in use; pulls and pushes go on

sweep: permission denied: blobs/sha256/ab

Dashboard: https://registry.example.com/grafana/d/registry
Next: regops gc --dry-run
Run 20261118-120000-ab12, message 0badcafe"""

DASHBOARD = "https://registry.example.com/grafana/d/registry"


def test_what_ntfy_gets() -> None:
    assert json.loads(ntfy_json(Letter(gc_failed(), NOON, "0badcafe"), "registry-alerts")) == {
        "topic": "registry-alerts",
        "title": "Garbage collection failed",
        "message": NTFY_BODY,
        "priority": 4,
        "tags": ["x"],
        "click": DASHBOARD,
        "actions": [{"action": "view", "label": "Dashboard", "url": DASHBOARD}],
    }


def test_what_gotify_gets() -> None:
    assert json.loads(gotify_json(Letter(gc_failed(), NOON, "0badcafe"))) == {
        "title": "Garbage collection failed",
        "message": GOTIFY_BODY,
        "priority": 8,
        "extras": {
            "client::display": {"contentType": "text/plain"},
            "client::notification": {"click": {"url": DASHBOARD}},
        },
    }


def test_the_shortest_message_has_its_id_only() -> None:
    short = letter("Hello", letter_id="01")
    assert json.loads(ntfy_json(short, "t")) == {
        "topic": "t",
        "title": "Hello",
        "message": "Message 01",
        "priority": 2,
        "tags": ["information_source"],
    }
    assert json.loads(gotify_json(short)) == {
        "title": "Hello",
        "message": "Message 01",
        "priority": 2,
        "extras": {"client::display": {"contentType": "text/plain"}},
    }


@pytest.mark.parametrize(
    ("severity", "ntfy", "tag", "gotify"),
    [
        (Severity.INFO, 2, "information_source", 2),
        (Severity.WARNING, 3, "warning", 5),
        (Severity.ERROR, 4, "x", 8),
        (Severity.CRITICAL, 5, "rotating_light", 10),
    ],
)
def test_priorities_follow_the_severity(severity: Severity, ntfy: int, tag: str, gotify: int) -> None:
    one = Letter(gc_failed(severity), NOON, "01")
    assert (document := json.loads(ntfy_json(one, "t")))["priority"] == ntfy
    assert document["tags"] == [tag]
    assert json.loads(gotify_json(one))["priority"] == gotify


def huge(piece: str) -> Message:
    """A message with far too much of everything."""
    url = "https://registry.example.com/" + "a" * 360
    return Message(
        piece * 2000,
        tuple(piece * number for number in (1, 2, 3, 10_000, *range(1, 400))),
        next_command=piece * 1000,
        actions=tuple(Action(piece * 100, url) for _ in range(9)),
        tags=("warning",) * 50,
        run=piece * 100,
        fingerprint=Fingerprint(piece * 3000, "b", "c"),
    )


@pytest.mark.parametrize("piece", ["x", "ä", "👍", '"', "\\", "a\nb", "\x01y", "\ud83d", "漢字 ", "👨‍👩‍👧", "\u202e\u2028z"])
def test_every_message_fits_both_services(piece: str) -> None:
    one = Letter(huge(piece), NOON, "0badcafe")
    ntfy, gotify = ntfy_json(one, "t" * 64), gotify_json(one)
    assert len(ntfy) < NTFY_JSON_LIMIT
    assert len(json.loads(ntfy)["message"].encode()) < NTFY_MESSAGE_LIMIT
    assert len(gotify) < GOTIFY_TEXT_LIMIT
    for body in (json.loads(ntfy), json.loads(gotify)):
        assert body["title"]
        assert body["message"].endswith("message 0badcafe") or body["message"].endswith("Message 0badcafe")


def test_what_is_kept_of_a_message_is_bounded() -> None:
    message = huge("👍x")
    assert sum(map(size, message.lines)) <= 16_000
    assert message.omitted == 403 - len(message.lines)


def test_random_text_of_any_kind_fits_too() -> None:
    draw = random.Random(6)  # noqa: S311  # the same text at each run
    for _ in range(30):
        piece = "".join(chr(draw.randrange(0x11_0000)) for _ in range(draw.randrange(1, 30)))
        sent = ntfy_json(Letter(huge(piece), NOON, "01"), "t")
        assert len(sent) < NTFY_JSON_LIMIT
        assert len(json.loads(sent)["message"].encode()) < NTFY_MESSAGE_LIMIT


def test_only_details_are_cut_and_counted() -> None:
    details = [f"library/image-{number}: tag added" for number in range(1000)]
    message = report("1000 tags added", where="registry.example.com", details=details, next_command="regops changes")
    lines = json.loads(ntfy_json(Letter(message, NOON, "01"), "t"))["message"].split("\n")
    assert lines[:3] == ["Where: registry.example.com", "", "library/image-0: tag added"]
    assert lines[-4:] == [f"… {1000 - (len(lines) - 6)} more", "", "Next: regops changes", "Message 01"]


def test_a_message_that_was_tidied_stays_as_it_is() -> None:
    for piece in ('"', "👍\n", "x"):
        message = huge(piece)
        assert replace(message) == message


def test_nothing_odd_becomes_a_link_or_a_tag() -> None:
    message = Message(
        " ",
        actions=(
            Action("a", "javascript:alert(1)"),
            Action("b", "https://x/ y"),
            Action("\0", "https://x/"),
            Action("d", "http://x/"),
        ),
        tags=("ok_1", "Not", "a,b", ""),
    )
    assert message.title == "(no title)"
    assert message.actions == (Action("d", "http://x/"),)
    assert message.tags == ("ok_1",)


def test_many_letters_become_one_worst_first() -> None:
    letters = [
        Letter(Message("tag added"), NOON),
        Letter(Message("disk full", severity=Severity.CRITICAL), NOON + HOUR),
        Letter(Message("tag moved", severity=Severity.WARNING), NOON + DAY),
    ]
    one = collapse(letters, "3 messages", omitted=2)
    assert one.severity is Severity.CRITICAL
    assert one.lines == (
        "2026-11-18 13:00 UTC critical: disk full",
        "2026-11-19 12:00 UTC warning: tag moved",
        "2026-11-18 12:00 UTC info: tag added",
    )
    assert one.omitted == 2


def test_a_single_letter_stays_whole_and_tells_its_date() -> None:
    one = collapse([Letter(gc_failed(), NOON)], "1 message")
    assert one == replace(gc_failed(), lines=("Written at 2026-11-18 12:00 UTC.", *gc_failed().lines))


def test_the_size_within_json_is_never_smaller_than_the_text() -> None:
    for text in ("x", "ä", '"', "\n", "👍"):
        assert size(text) >= len(text.encode())
