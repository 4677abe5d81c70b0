"""Pings an outside watcher, as Healthchecks expects it, when a task starts and ends; a failed ping never fails the task.

https://healthchecks.io/docs/http_api/
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import urllib3

from ops.core import exit_codes

# The service cuts longer bodies.
_BODY_BYTES = 100_000
_LIMIT_S = 5.0
_RETRIES = 2


class Pings:
    """The pings of one run."""

    def __init__(self, url: str | None, warn: Callable[[str], None]) -> None:
        """Prepare the pings.

        Args:
            url: The ping URL of the check; None for no pings.
            warn: Called with anything that went wrong.
        """
        self._url, self._warn, self._run = url, warn, str(uuid.uuid4())

    def start(self) -> None:
        """Report that the task starts."""
        self._send("/start", "")

    def end(self, exit_code: int, text: str) -> None:
        """Report how it ended; a run with warnings counts as a success."""
        self._send(f"/{exit_codes.OK if exit_code in exit_codes.SUCCESSFUL else exit_code}", text)

    def log(self, text: str) -> None:
        """Report something that is neither start nor end, such as another run holding the lock."""
        self._send("/log", text)

    def _send(self, path: str, text: str) -> None:
        if self._url is not None and (problem := _request("POST", f"{self._url}{path}", text.encode()[-_BODY_BYTES:])):
            self._warn(problem)


def ping(url: str) -> str:
    """Tell a watcher of any kind that all is well, at the plain address that it has given; return what went wrong, if so."""
    return _request("GET", url)


def _request(method: str, url: str, body: bytes | None = None) -> str:
    headers = {"Content-Type": "text/plain"} if body is not None else {}
    try:
        with urllib3.PoolManager(retries=urllib3.Retry(_RETRIES, backoff_factor=0.5), timeout=_LIMIT_S) as pool:
            answer = pool.request(method, url, body=body, fields=None, headers=headers)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        # Not the error's own text: it contains the address, which is as good as a password.
        return f"the ping was not sent: {type(error).__name__}"
    return f"the ping was answered with {answer.status}" if answer.status >= 400 else ""  # noqa: PLR2004
