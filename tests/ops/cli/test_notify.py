"""`regops notify` as somebody types it, with the real ntfy and with one that is away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.config.notify import NotifySettings
from ops.runs.history import Run, history_of
from tests.free_ports import free_port
from tests.ops.cli.test_app import regops
from tests.ops.notify.gotify_fake import gotify_fake
from tests.ops.notify.ntfy_server import TOPIC, ntfy_server
from tests.ops.notify.smtp_server import PASSWORD, USER, mail_server
from tests.ops.runs.test_task import stack_in


def phone(url: str) -> NotifySettings:
    return NotifySettings.model_validate({"channels": {"phone": {"kind": "ntfy", "server": url, "topic": TOPIC}}})


@pytest.mark.system
def test_a_test_message_and_a_killed_run_reach_the_operators_phone(tmp_path: Path) -> None:
    with ntfy_server() as server:
        stack = stack_in(tmp_path, notify=phone(server.url))
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets/ntfy_token").write_text(server.token)
        done = regops(stack.root, "notify", "test")
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-4:] == ["phone", "1", "0", "0"]
        history_of(stack).add(Run("1", "gc", "2026-11-25T08:00:00+00:00", process="0:0"))
        assert json.loads(regops(stack.root, "notify", "--json").stdout)["channels"]["phone"]["sent"] == 1
        assert regops(stack.root, "notify").returncode == 0  # told once
        assert [message["title"] for message in server.messages()] == ["Test message", "gc was killed"]


def test_a_service_that_is_away_is_said_and_the_message_kept(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, notify=phone(f"http://127.0.0.1:{free_port()}"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/ntfy_token").write_text("tk_secret")
    done = regops(stack.root, "notify", "test", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["channels"]["phone"]["pending"] == 1
    shown = regops(stack.root, "notify", "status")
    assert shown.returncode == 3
    assert "notify phone: 1 message waiting" in shown.stderr
    assert "tk_secret" not in done.stdout + done.stderr + shown.stdout + shown.stderr


def test_a_test_message_comes_by_mail_and_the_address_is_never_shown(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, notify={"channels": {"mail": {"kind": "apprise", "minimum": "error"}}})
    secret = tmp_path / "secrets/apprise/mail"
    secret.parent.mkdir(parents=True)
    with mail_server() as server:
        secret.write_text(server.url)
        sent = regops(stack.root, "notify", "test")
        assert (sent.returncode, sent.stderr) == (0, "")
        assert [mail["Subject"] for mail in server.mails] == ["Critical: Test message"]
    away = regops(stack.root, "notify", "test")
    assert away.returncode == 3
    assert "it could not be reached" in away.stdout
    secret.write_text(f"nosuchthing://{USER}:{PASSWORD}@example.com")
    unknown = regops(stack.root, "notify", "test")
    assert "its address is none that Apprise knows" in unknown.stdout
    written = [path.read_text() for path in stack.data.rglob("*") if path.is_file()]
    for shown in (away.stdout, away.stderr, unknown.stdout, unknown.stderr, *written):
        assert PASSWORD not in shown


@pytest.mark.parametrize("words", [["test"], ["flush"], ["revive"]])
def test_who_asks_for_it_does_not_wait_for_the_next_try(tmp_path: Path, words: list[str]) -> None:
    with gotify_fake("A.token") as server:
        server.answers.append((503, {}))
        stack = stack_in(tmp_path, notify={"channels": {"desk": {"kind": "gotify", "server": server.url}}})
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets/gotify_token").write_text("A.token")
        assert regops(stack.root, "notify", "test").returncode == 3
        assert "`regops notify flush` tries now" in regops(stack.root, "notify", "status").stderr
        assert regops(stack.root, "notify").returncode == 3, "it is too early"
        assert server.messages == []
        assert regops(stack.root, "notify", *words).returncode == 0
        assert len(server.messages) == 1 + (words == ["test"])
    assert regops(stack.root, "notify", "status").returncode == 0


def test_without_channels_a_test_says_how_to_add_one(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    done = regops(stack.root, "notify", "test")
    assert done.returncode == 1
    assert "operations.notify.channels" in done.stderr
    assert regops(stack.root, "notify").returncode == 0


def test_what_was_given_up_is_sent_again_when_it_is_wanted(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, notify=phone(f"http://127.0.0.1:{free_port()}"))
    regops(stack.root, "notify", "test")
    box = stack.data / "outbox/phone"
    (letter,) = (box / "new").glob("*.json")
    (box / "dead").mkdir(exist_ok=True)
    letter.rename(box / "dead" / letter.name)
    assert regops(stack.root, "notify", "status").returncode == 1
    regops(stack.root, "notify", "revive")
    assert [path.name for path in (box / "new").glob("*.json")] == [letter.name]
