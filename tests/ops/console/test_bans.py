"""Bans: who is banned as of when, how each is lifted, and what is said where nobody knows."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.stack.ban_list import FILE, MOST, note_bans, noted_bans
from ops.stack.crowdsec import Ban
from tests.ops.console.console_rig import HOSTILE, Furnished, console
from tests.ops.console.test_app import seen


def ban(value: str, reason: str = "crowdsecurity/http-probing", *, scope: str = "Ip", hours: float = 3) -> Ban:
    now = datetime.now(UTC)
    until = now + timedelta(hours=hours, seconds=30)
    return Ban(value, scope, "ban", reason, "crowdsec", now - timedelta(hours=1), until, "DE")


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    """A stack that is protected, and of which nobody has written down who is banned."""
    made = Furnished(tmp_path)
    made.protect()
    (made.stack.data / FILE).unlink()
    return made


def page(stack: Furnished, path: str = "/bans", **settings: object) -> str:
    return console(stack.root, **settings).text(path)


def test_who_is_banned_is_shown_with_why_until_when_and_the_command(stack: Furnished) -> None:
    note_bans(stack.stack, [ban("203.0.113.7"), ban("198.51.100.0/25", "by hand", scope="Range")], 15_000)
    text = seen(page(stack))
    assert "2 are banned here, as of just now . The community's lists ban 15,000 more." in text
    for expected in ("203.0.113.7", "crowdsecurity/http-probing", "an hour ago", "in 3 hours", "DE"):
        assert expected in text
    assert "regops unban 203.0.113.7" in text
    assert "regops unban 198.51.100.0/25" in text
    assert "That is long ago" not in text


@pytest.mark.parametrize(
    ("asked", "found"), [("198.51.100.9", 1), ("HAND", 1), ("203.0.113.8", 0), ("203.0.113.0/24", 1), ("", 2)]
)
def test_an_address_is_found_in_a_network(stack: Furnished, asked: str, found: int) -> None:
    note_bans(stack.stack, [ban("203.0.113.7"), ban("198.51.100.0/25", "by hand", scope="Range")], None)
    html = page(stack, f"/bans?q={asked}")
    assert html.count("regops unban ") == found
    assert ("No ban here hits" in seen(html)) is (found == 0)


def test_what_is_over_is_not_shown(stack: Furnished) -> None:
    note_bans(stack.stack, [ban("203.0.113.7", hours=-1), ban("203.0.113.8")], 0)
    text = seen(page(stack))
    assert "203.0.113.7" not in text
    assert "203.0.113.8" in text


def test_an_old_list_is_told_to_be_old(stack: Furnished, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("ops.stack.ban_list.time.time", lambda: now - 3600)
    note_bans(stack.stack, [], 0)
    monkeypatch.undo()
    text = seen(page(stack))
    assert "Nobody is banned here, as of an hour ago ." in text
    assert "regops doctor finds out why" in text
    assert "bin/regops who-is-banned --note looks again" in seen(page(stack, command="bin/regops", scheduled=False))


def test_where_nobody_knows_that_is_said(stack: Furnished, tmp_path: Path) -> None:
    assert "regops who-is-banned --note does" in seen(page(stack))
    (stack.stack.data / FILE).write_text('{"at": "yesterday"}')
    assert "regops who-is-banned --note does" in seen(page(stack))
    assert "protection is off in this stack" in seen(page(Furnished(tmp_path / "other")))


def test_hostile_reasons_are_text_and_what_is_no_address_has_no_command(stack: Furnished) -> None:
    note_bans(stack.stack, [ban("203.0.113.7", HOSTILE), ban(f"$(reboot) {HOSTILE}", scope=HOSTILE)], 0)
    html = page(stack)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 3
    assert html.count("regops unban ") == 1


def test_of_very_many_the_newest_are_listed(stack: Furnished) -> None:
    bans = [ban(f"10.{number >> 8}.{number & 255}.1") for number in range(MOST + 7)]
    note_bans(stack.stack, bans, 0)
    known = noted_bans(stack.stack)
    assert known
    assert (len(known.bans), known.count) == (MOST, MOST + 7)
    text = seen(page(stack))
    assert f"{MOST + 7} are banned here" in text
    assert f"Only the newest {MOST} are listed" in text
    assert page(stack).count("regops unban ") == 100
