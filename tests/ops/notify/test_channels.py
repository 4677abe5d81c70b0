"""Whole channels: the real ntfy server, a fake of Gotify's, tokens from files, and outages from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config.notify import Channel, GotifyChannel, NtfyChannel
from ops.notify.channels import Sender, sender, senders
from ops.notify.delivery import Delivery, flush
from ops.notify.http import RefusedError, UnavailableError
from ops.notify.message import Letter, Message
from tests.ops.notify.gotify_fake import GotifyFake, gotify_fake
from tests.ops.notify.notify_samples import HOUR, NOON, Clock, gc_failed, letter, outbox
from tests.ops.notify.ntfy_server import TOPIC, NtfyServer, ntfy_server
from tests.ops.notify.test_message import DASHBOARD, GOTIFY_BODY, NTFY_BODY, huge

GOTIFY_TOKEN = "AbCdEf0123456789"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def gotify(secrets: Path) -> Iterator[GotifyFake]:
    with gotify_fake(GOTIFY_TOKEN) as fake:
        (secrets / "gotify_token").write_text(f"{GOTIFY_TOKEN}\n")
        (secrets / "gotify_url_secret").write_text(f"{fake.url}/\n")
        yield fake


@pytest.fixture(scope="module")
def ntfy() -> Iterator[NtfyServer]:
    with ntfy_server({"NTFY_VISITOR_REQUEST_LIMIT_EXEMPT_HOSTS": "0.0.0.0/0"}) as server:
        yield server


def to_ntfy(server: NtfyServer, secrets: Path, topic: str = TOPIC) -> Sender:
    (secrets / "ntfy_token").write_text(f"{server.token}\n")
    return sender("phone", NtfyChannel(kind="ntfy", server=server.url, topic=topic), secrets)


def test_gotify_gets_a_message_at_the_address_that_a_secret_has(gotify: GotifyFake, secrets: Path) -> None:
    sender("phone", GotifyChannel(kind="gotify"), secrets)(Letter(gc_failed(), NOON, "0badcafe"))
    (message,) = gotify.messages
    assert (message["title"], message["message"], message["priority"]) == ("Garbage collection failed", GOTIFY_BODY, 8)
    assert message["extras"]["client::notification"]["click"]["url"] == DASHBOARD


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gotify_token", None, "secret gotify_token cannot be read: No such file"),
        ("gotify_token", "", "secret gotify_token must be a single word"),
        ("gotify_token", "a b", "secret gotify_token must be a single word"),
        ("gotify_token", "one\ntwo", "secret gotify_token must be a single word"),
        ("gotify_token", "schlüssel", "secret gotify_token must be a single word"),
        ("gotify_url_secret", "http://gotify.example.com", "secret gotify_url_secret: should begin with https://"),
        ("gotify_url_secret", "somewhere", "secret gotify_url_secret: should be the URL"),
    ],
)
def test_a_bad_secret_is_named_not_shown_and_costs_no_letter(
    gotify: GotifyFake, secrets: Path, name: str, content: str | None, said: str
) -> None:
    (secrets / name).unlink()
    if content is not None:
        (secrets / name).write_text(content)
    with pytest.raises(UnavailableError, match=said) as caught:
        sender("phone", GotifyChannel(kind="gotify"), secrets)(letter("a"))
    assert not content or content not in str(caught.value)
    assert gotify.messages == []


def test_a_wrong_token_kills_the_letter_until_it_is_fixed(gotify: GotifyFake, secrets: Path, tmp_path: Path) -> None:
    box, clock = outbox(tmp_path / "outbox"), Clock()
    sending = {"phone": sender("phone", GotifyChannel(kind="gotify"), secrets)}
    (secrets / "gotify_token").write_text("old")
    box.post(letter("a"))
    (result,) = flush(box, sending, clock=clock).values()
    assert result.refused == 1
    assert result.problem.startswith("refused for good: it answered 401 (you need to provide a valid access token")
    (secrets / "gotify_token").write_text(GOTIFY_TOKEN)
    assert box.mailbox("phone").revive() == 1
    assert flush(box, sending, clock=clock)["phone"] == Delivery(sent=1)
    assert [message["title"] for message in gotify.messages] == ["a"]


@pytest.mark.system
def test_ntfy_gets_a_message_with_everything(ntfy: NtfyServer, secrets: Path) -> None:
    to_ntfy(ntfy, secrets)(Letter(gc_failed(), NOON, "0badcafe"))
    message = ntfy.messages()[-1]
    assert (message["title"], message["message"]) == ("Garbage collection failed", NTFY_BODY)
    assert (message["priority"], message["tags"], message["click"]) == (4, ["x"], DASHBOARD)
    ((action, label, url),) = [(one["action"], one["label"], one["url"]) for one in message["actions"]]
    assert (action, label, url) == ("view", "Dashboard", DASHBOARD)


@pytest.mark.system
@pytest.mark.parametrize("piece", ["x", "ä", "👍", '"', "\\", "a\nb", "\x01y", "\ud83d", "=?UTF-8?B?4pyF?= "])
def test_ntfy_accepts_every_message(ntfy: NtfyServer, secrets: Path, piece: str) -> None:
    to_ntfy(ntfy, secrets)(Letter(huge(piece), NOON, "0badcafe"))
    message = ntfy.messages()[-1]
    assert message["message"].lower().endswith("message 0badcafe")
    assert "attachment" not in message
    assert len(message.get("actions", ())) == (0 if piece == "\ud83d" else 3), "labels of which nothing stays make no buttons"


@pytest.mark.system
@pytest.mark.parametrize(("topic", "token", "status"), [("other", None, 403), (TOPIC, "tk_wrongwrongwrongwrongwrongwrong", 401)])
def test_ntfy_refuses_what_it_should(ntfy: NtfyServer, secrets: Path, topic: str, token: str | None, status: int) -> None:
    send = to_ntfy(ntfy, secrets, topic)
    if token:
        (secrets / "ntfy_token").write_text(token)
    with pytest.raises(RefusedError, match=f"it answered {status}"):
        send(letter("a", letter_id="01"))


@pytest.mark.system
def test_an_outage_of_ntfy_loses_nothing_and_holds_up_no_other_channel(
    ntfy: NtfyServer, gotify: GotifyFake, secrets: Path, tmp_path: Path
) -> None:
    channels: dict[str, Channel] = {
        "phone": NtfyChannel(kind="ntfy", server=ntfy.url, topic=TOPIC),
        "tablet": GotifyChannel(kind="gotify"),
    }
    (secrets / "ntfy_token").write_text(ntfy.token)
    box, clock, sending = outbox(tmp_path / "outbox", *channels), Clock(), senders(channels, secrets)
    before = len(ntfy.messages())
    ntfy.stop()
    expected = [f"message {number}" for number in range(12)]
    for title in expected:
        box.post(Letter(Message(title), clock.now))
        result = flush(box, sending, clock=clock)
        assert result["phone"].problem == "Connection refused"
        assert result["tablet"] == Delivery(sent=1)
        clock.now += HOUR
    assert [message["title"] for message in gotify.messages] == expected
    assert box.status(clock.now)["phone"].pending == 12
    ntfy.start()
    clock.now += 5 * HOUR
    assert flush(box, sending, clock=clock)["phone"] == Delivery(sent=12)
    assert flush(box, sending, clock=clock)["phone"] == Delivery()
    assert [message["title"] for message in ntfy.messages()[before:]] == expected


@pytest.mark.system
def test_the_rate_limit_of_ntfy_is_waited_for(secrets: Path, tmp_path: Path) -> None:
    limits = {"NTFY_VISITOR_REQUEST_LIMIT_BURST": "6", "NTFY_VISITOR_REQUEST_LIMIT_REPLENISH": "300ms"}
    with ntfy_server(limits) as server:
        box, clock, sending = outbox(tmp_path / "outbox"), Clock(), {"phone": to_ntfy(server, secrets)}
        for number in range(10):
            box.post(letter(str(number)))
        first = flush(box, sending, clock=clock)["phone"]
        assert 0 < first.sent < 10
        assert first.problem == "it answered 429 (limit reached: too many requests)"
        assert first.retry_at is not None
        assert NOON + 48 <= first.retry_at <= NOON + 72, "ntfy does not tell how long; the first wait is a minute"
        assert flush(box, sending, clock=clock)["phone"].sent == 0
        sent = first.sent
        give_up = time.monotonic() + 30
        while sent < 10 and time.monotonic() < give_up:
            time.sleep(0.3)
            clock.now += 72
            sent += flush(box, sending, clock=clock)["phone"].sent
        assert sent == 10
        server.stop()
        server.start()  # who asks is unknown again, and may ask
        assert [message["title"] for message in server.messages()] == [str(number) for number in range(10)]
