"""One POST to a notification service: in bounded time, over verified TLS, with no secrets in errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InvalidHeader, NameResolutionError, ReadTimeoutError

from ops.core.process import redact
from ops.registry.transport import causes_of, reason_of

CONNECT_S = 5.0
ANSWER_S = 15.0
_OK = 200
LATER = {408, 429}
CLIENT_ERRORS = range(400, 500)
_ANSWER_BYTES = 65_536
_SHOWN = 200


class RefusedError(Exception):
    """The service will never accept this message, or anything from this sender: retrying is pointless."""


class UnavailableError(Exception):
    """The service does not accept messages now.

    Attributes:
        retry_after_s: Seconds it asks us to wait before retrying; None when it does not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def post(url: str, body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], ca: Path | None = None) -> None:
    """Send a message as JSON; return once the service has accepted it.

    Args:
        url: Where to.
        body: The JSON.
        headers: Besides its content type.
        secrets: Values that no error may contain.
        ca: CA file for the server's certificate; None for the CAs this machine trusts.

    Raises:
        RefusedError: The service answered with a client error (4xx) other than 408 and 429.
        UnavailableError: Any other failure: no answer, or not from ntfy or Gotify.
    """
    if ca and not ca.is_file():
        raise UnavailableError(f"the CA file {ca} does not exist")
    timeout = urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S)
    try:
        with urllib3.PoolManager(timeout=timeout, retries=False, ca_certs=str(ca) if ca else None) as pool:
            response = pool.request(
                "POST",
                url,
                body=body,
                headers={"Content-Type": "application/json", **headers},
                redirect=False,  # the token is only for the configured server
                preload_content=False,
            )
            try:
                answer = response.read(_ANSWER_BYTES)
            finally:
                response.close()
    except (HTTPError, OSError) as error:
        raise UnavailableError(redact(_reason(error), secrets)) from None  # its text may contain secrets
    _judge(response, answer, secrets)


def _judge(response: urllib3.BaseHTTPResponse, answer: bytes, secrets: Sequence[str]) -> None:
    document = _document(answer)
    if response.status == _OK and "id" in document:
        return
    said = next((str(document[key]) for key in ("errorDescription", "error") if document.get(key)), "")
    shown = redact("".join(filter(str.isprintable, said)), secrets)[:_SHOWN]
    text = f"it answered {response.status}" + (f" ({shown})" if shown else "")
    if response.status == _OK:
        raise UnavailableError("it answered 200, but not like ntfy or Gotify: is the address right?")
    if response.status in CLIENT_ERRORS and response.status not in LATER:
        raise RefusedError(text)
    raise UnavailableError(text, _retry_after(response.headers.get("Retry-After")))


def _document(answer: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after(value: str | None) -> float | None:
    try:
        return urllib3.Retry().parse_retry_after(value) if value else None
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    """Return why there was no answer, without any address."""
    chain = list(causes_of(error))
    if any(isinstance(one, NameResolutionError) for one in chain):
        return "its name is not known"
    if any(type(one) in {ConnectTimeoutError, ReadTimeoutError} for one in chain):  # a refused connection is a subclass
        return f"no answer within {ANSWER_S:g} s"
    return next((reason_of(one) for one in chain if isinstance(one, OSError)), f"not an HTTP answer: {type(error).__name__}")
