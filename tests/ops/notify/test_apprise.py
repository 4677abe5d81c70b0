"""Messages by Apprise: at a real mail server and a real HTTP server; its address is shown nowhere, no text is obeyed."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.paths import PROJECT_FOLDER
from ops.config.notify import AppriseChannel, Severity, apprise_secret
from ops.notify import apprise
from ops.notify.channels import Sender, senders
from ops.notify.delivery import Delivery, flush
from ops.notify.http import RefusedError, UnavailableError
from ops.notify.message import Action, Letter, Message
from tests.free_ports import free_port
from tests.ops.notify.notify_samples import NOON, gc_failed, letter, outbox
from tests.ops.notify.smtp_server import PASSWORD, USER, MailServer, mail_server

TOKEN = "t0ken-in-a-path"


@dataclass
class Hook:
    """A web hook that takes Apprise's own JSON, and answers as told."""

    url: str = ""
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"json://user:{PASSWORD}@127.0.0.1:{server.server_port}/{TOKEN}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def channel(folder: Path, url: str) -> Sender:
    """A channel whose address is in its secret file."""
    file = folder / apprise_secret("mail")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{url}\n")
    return senders({"mail": AppriseChannel(kind="apprise")}, folder)["mail"]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_mail_has_it_all(mail: MailServer, tmp_path: Path) -> None:
    channel(tmp_path, mail.url)(Letter(gc_failed(), NOON, "0badcafe"))
    (got,) = mail.mails
    assert (got["Subject"], got["To"]) == ("Error: Garbage collection failed", "ann@example.com")
    text = text_of(got)
    for part in ("Where: registry.example.com", "Next: regops gc --dry-run", "Dashboard: https://", "message 0badcafe"):
        assert part in text


def test_a_web_hook_is_told_how_bad_it_is(hook: Hook, tmp_path: Path) -> None:
    send = channel(tmp_path, hook.url)
    for severity in Severity:
        send(Letter(Message("Disk full", ("a line",), severity=severity), NOON, "01"))
    assert [(got["title"], got["type"]) for got in hook.got] == [
        ("Disk full", "info"),
        ("Warning: Disk full", "warning"),
        ("Error: Disk full", "failure"),
        ("Critical: Disk full", "failure"),
    ]
    assert hook.got[0]["message"] == "a line\n\nMessage 01"


HOSTILE = Message(
    "x\r\nBcc: mallory@example.com\r\n\r\n<b>bold</b>",
    ("<script>alert(1)</script> <!channel> *bold* [link](https://evil.example.com)", "@everyone @HERE look", "\x1b[2Jgone"),
    actions=(Action("<img src=x>\r\nX: y", "https://registry.example.com"),),
    severity=Severity.CRITICAL,
)


def test_what_stands_in_labels_makes_no_headers_and_no_markup(mail: MailServer, hook: Hook, tmp_path: Path) -> None:
    channel(tmp_path, mail.url)(Letter(HOSTILE, NOON, "01"))
    channel(tmp_path, hook.url)(Letter(HOSTILE, NOON, "01"))
    (got,) = mail.mails
    assert (got["Bcc"], got["X"], got["To"]) == (None, None, "ann@example.com")
    assert got["Subject"] == "Critical: x Bcc: mallory@example.com <b>bold</b>"
    html = got.get_body(("html",))
    assert html is None or "<script>" not in html.get_content()
    for text in (text_of(got), hook.got[0]["message"]):
        assert "<script>alert(1)</script>" in text, "as it is, in plain text"
        assert "[link](" not in text, "where it leads would be hidden"
        assert "<!channel>" not in text
        assert "@everyone" not in text
        assert "@HERE" not in text
        assert "\x1b" not in text


def test_chats_that_have_markup_show_it() -> None:
    """Telegram's and Matrix's texts are HTML: what Apprise makes of a text for these, read from the library itself."""
    from apprise import NotifyFormat  # noqa: PLC0415  # slow
    from apprise.conversion import convert_between  # noqa: PLC0415

    shown = convert_between(  # type: ignore[no-untyped-call]
        NotifyFormat.TEXT, NotifyFormat.HTML, "<b>bold</b> & <a href='x'>"
    )
    assert "<b>" not in shown
    assert "<a " not in shown


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, RefusedError, "it answered 401"),
        (404, RefusedError, "it answered 404"),
        (429, UnavailableError, "it answered 429"),
        (503, UnavailableError, "it answered 503"),
    ],
)
def test_a_web_hook_that_refuses_is_told_by_its_number(
    hook: Hook, tmp_path: Path, status: int, kind: type[Exception], said: str
) -> None:
    hook.status = status
    with pytest.raises(kind) as caught:
        channel(tmp_path, hook.url)(letter("a"))
    assert str(caught.value) == said


def test_a_mail_server_that_refuses_for_good_and_one_that_does_not_yet(mail: MailServer, tmp_path: Path) -> None:
    send = channel(tmp_path, mail.url)
    mail.answer = "451 try again"
    with pytest.raises(UnavailableError, match=r"^it answered 451$"):
        send(letter("a"))
    mail.answer = "554 no thanks"
    with pytest.raises(RefusedError, match=r"^it answered 554$"):
        send(letter("a"))
    with pytest.raises(RefusedError, match=r"^it answered 535$"):
        channel(tmp_path, mail.url.replace(PASSWORD, "wrong"))(letter("a"))
    mail.answer = ""
    channel(tmp_path, mail.url)(letter("a"))
    assert [got["Subject"] for got in mail.mails] == ["a"]


def test_an_address_is_shown_nowhere(
    hook: Hook, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong: neither in errors, nor in what waits on disk, nor in any log."""
    caplog.set_level(logging.DEBUG)
    nowhere = f"json://{USER}:{PASSWORD}@127.0.0.1:{free_port()}/{TOKEN}"
    unknown = f"nosuchthing://{USER}:{PASSWORD}@{TOKEN}.example.com/"
    unresolved = f"mailto://{USER}:{PASSWORD}@{TOKEN}.invalid:25/?mode=insecure&smtp={TOKEN}.invalid"
    hook.status = 500
    box = outbox(tmp_path / "outbox", "mail")
    box.post(letter("a", time.time()))
    for url in (nowhere, unknown, unresolved, hook.url):
        done = flush(box, {"mail": channel(tmp_path / "secrets", url)}, at_once=True)["mail"]
        assert done.pending == 1
        assert done.problem
    written = "".join(path.read_text() for path in (tmp_path / "outbox").rglob("*.json"))
    out, err = capfd.readouterr()
    shown = "".join(
        [written, out, err, *(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))]
    )
    for secret in (PASSWORD, TOKEN, hook.url):
        assert secret not in shown
    assert "it answered 500" in written


def test_an_outage_loses_nothing(mail: MailServer, tmp_path: Path) -> None:
    box = outbox(tmp_path / "outbox", "mail")
    box.post(letter("a", time.time()))
    mail.answer = "421 later"
    assert flush(box, {"mail": channel(tmp_path, mail.url)})["mail"].pending == 1
    mail.answer = ""
    assert flush(box, {"mail": channel(tmp_path, mail.url)}, at_once=True)["mail"] == Delivery(sent=1)
    assert [got["Subject"] for got in mail.mails] == ["a"]


def test_a_secret_that_is_missing_only_delays(tmp_path: Path) -> None:
    send = senders({"mail": AppriseChannel(kind="apprise")}, tmp_path)["mail"]
    with pytest.raises(UnavailableError, match="secret apprise/mail cannot be read: No such file"):
        send(letter("a"))


def test_the_library_is_imported_only_when_it_sends() -> None:
    """It takes longer than all else that `regops` does at its start."""
    code = f"import sys, ops.cli.notify, ops.notify.notifier, {apprise.__name__}; sys.exit('apprise' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT_FOLDER, timeout=60)
