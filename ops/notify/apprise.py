"""Messages by way of Apprise, which knows mail, Matrix, Slack, Telegram and a hundred services more: https://appriseit.com .

The address of a service holds its passwords, and Apprise's log shows parts of it. So nobody gets to read that log: of a failure
only the number of the answer is told.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from ops.config.notify import Severity
from ops.notify.http import CLIENT_ERRORS, LATER, RefusedError, UnavailableError
from ops.notify.message import Letter, body_of
from ops.notify.text import LINE_BYTES

BODY_BYTES = 16_000
_LIMIT_S = 30.0
_SMALLEST = 1500
_HTTP_ANSWER = re.compile(r"\berror[=:]\s?(\d{3})\b")
_MAIL_ANSWER = re.compile(r"\((\d{3}), b['\"]")  # how Python shows the answer of a mail server
_FOR_GOOD = range(500, 600)  # of a mail server: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
# By what chats with Markdown call everybody or somebody, and hide where a link leads. What cannot be seen takes it apart.
_OBEYED = re.compile(r"@(?=(?:all|channel|everyone|here|room)\b)|<(?=[@!#&])|\](?=\()", re.IGNORECASE)
_APART = "\\g<0>\N{WORD JOINER}"


def send(letter: Letter, url: str) -> None:
    """Send a letter; return once the service has accepted it.

    Args:
        letter: The letter.
        url: The service as Apprise names it, such as `mailtos://…`: https://appriseit.com/services/ .

    Raises:
        RefusedError: The service will never accept it: its answer says so.
        UnavailableError: Any other failure, or the address is none that Apprise knows.
    """
    import apprise  # noqa: PLC0415  # takes half a second, so only when there is something to send

    kinds = {Severity.INFO: apprise.NotifyType.INFO, Severity.WARNING: apprise.NotifyType.WARNING}
    severity = letter.message.severity
    weight = f"{severity.capitalize()}: " if severity.rank else ""
    with _listening() as said:
        try:
            service = apprise.Apprise.instantiate(url)
            if service is None:
                raise UnavailableError("its address is none that Apprise knows: see https://appriseit.com/services/")
            limit = min(BODY_BYTES, max(_SMALLEST, service.body_maxlen - LINE_BYTES))
            to = apprise.Apprise()
            to.add(service)
            accepted = to.notify(
                _text(body_of(letter, limit, links=True)),
                title=_text(f"{weight}{letter.message.title}"),
                notify_type=kinds.get(severity, apprise.NotifyType.FAILURE),
                body_format=apprise.NotifyFormat.TEXT,  # where a service has markup, it is shown and not obeyed
                timeout=_LIMIT_S,
            )
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  # of a hundred services, each with faults of its own
            raise UnavailableError(f"Apprise failed with {type(error).__name__}") from None  # its text may hold the address
    if not accepted:
        _judge(said)


def _text(text: str) -> str:
    """Return a text that calls nobody and hides no link, whatever is written in it."""
    return _OBEYED.sub(_APART, text)


def _judge(said: list[str]) -> None:
    text = "\n".join(said)
    http, mail = _HTTP_ANSWER.search(text), _MAIL_ANSWER.search(text)
    if http:
        answer, for_good = int(http[1]), int(http[1]) in CLIENT_ERRORS and int(http[1]) not in LATER
    elif mail:
        answer, for_good = int(mail[1]), int(mail[1]) in _FOR_GOOD
    else:
        raise UnavailableError("it could not be reached, or did not accept the message")
    raise RefusedError(f"it answered {answer}") if for_good else UnavailableError(f"it answered {answer}")


class _Ear(logging.Handler):
    """Keeps what is logged, for as long as somebody listens."""

    said: list[str] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if self.said is not None:
            self.said.append(record.getMessage())


_EAR = _Ear()


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what Apprise logs; nobody else gets it, not even later from a thread that it has left behind."""
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [_EAR], False
    logger.setLevel(logging.DEBUG)
    said: list[str] = []
    _EAR.said = said
    try:
        yield said
    finally:
        _EAR.said = None
