"""A real mail server, aiosmtpd, which keeps what it takes: one account, no TLS, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.free_ports import free_port

USER, PASSWORD = "regops", "a-password-of-mail"


@dataclass
class MailServer:
    """What has come.

    Attributes:
        port: Where it listens on 127.0.0.1.
        mails: What it has taken.
        answer: What it says to a mail instead of taking it, if anything.
    """

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    answer: str = ""

    @property
    def url(self) -> str:
        """The address of a mailbox there, as Apprise writes it."""
        login = f"{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        return f"mailto://{login}/?mode=insecure&from=regops@registry.example.com&to=ann@example.com"

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:  # noqa: N802  # the name that aiosmtpd calls
        """Take a mail."""
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


def _authenticate(_: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    # Not handled: the server answers 535 itself.
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server."""
    server = MailServer(free_port())
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=_authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
