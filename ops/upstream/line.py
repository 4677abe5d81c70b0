"""The line to one upstream registry: few connections, each request repeated where that helps, and cut once nobody answers."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, SSLError
from urllib3.exceptions import TimeoutError as NoAnswerError

from ops.registry.transport import causes_of, origin, reason_of
from ops.upstream.budget import Budget, budget_of, is_pull_limit
from ops.upstream.errors import Cause, UpstreamError

CONNECTIONS = 6
CONNECT_LIMIT_S = 5.0
READ_LIMIT_S = 20.0
# A blob may come from storage that has to get it first.
FETCH_LIMIT_S = 60.0
# How long all of a small answer may take: one that trickles is one that hangs.
_ANSWER_LIMIT_S = 60.0
MAX_BYTES = 16 << 20
_CHUNK = 1 << 20
_RETRY_PAUSE_S = 0.5
# How long a request waits because too many were sent: at first, and in all.
_FIRST_WAIT_S = 1.0
PATIENCE_S = 30.0
# How long others are not even tried after one waited in vain, if the registry names no time.
_LIMITED_FOR_S = 60.0
# So much of what makes no sense is shown.
_SHOWN = 80
# Whatever a registry asks for, it is asked again after that.
_LONGEST_WAIT_S = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        asked: Method and path of the request.
        status: The HTTP status.
        headers: Its headers; upper and lower case make no difference.
        body: Its body; empty if it was written to a file.
    """

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """Sends requests to an upstream registry, and to where it points; several threads may use it at once."""

    def __init__(self, name: str, *, tls: bool, ca: str | None = None, pause: Callable[[float], None] = time.sleep) -> None:
        """Make a line.

        Args:
            name: What messages call the registry.
            tls: Whether it is asked with TLS.
            ca: Certificates (PEM) that are trusted besides the public ones.
            pause: Waits for so many seconds.
        """
        self.budget: Budget | None = None
        self._name = name
        self._pause = pause
        context = _trust(ca) if tls else None  # one for all: reading the CAs takes longer than a request
        self._pools = PoolManager(maxsize=CONNECTIONS, retries=False, ssl_context=context)
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._cut: tuple[UpstreamError, float] | None = None

    def ask(self, method: str, url: str, headers: Mapping[str, str], into: BinaryIO | None = None) -> Reply:
        """Send a request. Redirects are not followed.

        Args:
            method: GET or HEAD.
            url: All of it.
            headers: The request's headers.
            into: Where the body goes if the request succeeds, however long it is; else it is returned.

        Raises:
            UpstreamError: There is no answer, it is 429 or 5xx, or another request has found out that there will be none.
            OSError: The body cannot be written.
        """
        waited, repeated = 0.0, False
        while True:
            try:
                reply = self._once(method, url, headers, into)
            except UpstreamError as error:
                if repeated or error.cause is not Cause.AWAY or self._is_cut or (into and into.tell()):
                    raise
                repeated = True
                self._pause(_RETRY_PAUSE_S)
                continue
            asked_to_wait_s = _seconds(reply.headers.get("Retry-After", ""))
            if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                if repeated:
                    raise UpstreamError(
                        f"{self._name} answered {reply.status} to {reply.asked}",
                        cause=Cause.AWAY,
                        retry_after_s=asked_to_wait_s,
                    )
                repeated = True
                self._pause(_RETRY_PAUSE_S)
            elif reply.status == HTTPStatus.TOO_MANY_REQUESTS:
                pause_s = self._until_granted(reply, waited, asked_to_wait_s)
                waited += pause_s
                self._pause(pause_s)
            else:
                return reply

    def _until_granted(self, reply: Reply, waited: float, asked_to_wait_s: float | None) -> float:
        """Return how long to wait after a 429.

        Raises:
            UpstreamError: It is not worth waiting for.
        """
        if is_pull_limit(reply.headers, reply.body):
            message = f"{self._name}: the pull rate limit is reached (429 to {reply.asked})"
            raise UpstreamError(message, cause=Cause.LIMITED, retry_after_s=asked_to_wait_s)
        pause_s = max(_FIRST_WAIT_S, waited if asked_to_wait_s is None else asked_to_wait_s)
        if waited + pause_s > PATIENCE_S:
            message = f"{self._name}: too many requests were sent from here (429 to {reply.asked})"
            error = UpstreamError(message, cause=Cause.LIMITED, retry_after_s=asked_to_wait_s)
            self._cut = (error, time.monotonic() + (asked_to_wait_s or _LIMITED_FOR_S))
            raise error
        return pause_s

    @property
    def _is_cut(self) -> bool:
        return self._cut is not None and time.monotonic() < self._cut[1]

    def _once(self, method: str, url: str, headers: Mapping[str, str], into: BinaryIO | None) -> Reply:
        with self._slots:
            # Only now: whoever waited for a connection may have waited for one that hung.
            if self._cut and self._is_cut:
                raise self._cut[0].again()
            answer = self._opened(method, url, headers, FETCH_LIMIT_S if into else READ_LIMIT_S)
            try:
                body = self._body(answer, url, into if answer.status == HTTPStatus.OK else None)
            finally:
                # Read to the end, it has gone back to its pool already. Otherwise it is of no use.
                answer.close()
        self.budget = budget_of(answer.headers) or self.budget
        return Reply(f"{method} {urlsplit(url).path}", answer.status, answer.headers, body)

    def _opened(self, method: str, url: str, headers: Mapping[str, str], limit_s: float) -> BaseHTTPResponse:
        try:
            return self._pools.request(
                method,
                url,
                headers={"User-Agent": "regops", **headers},
                timeout=Timeout(connect=CONNECT_LIMIT_S, read=limit_s),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise self._failed(error, url, lasting=isinstance(error, NoAnswerError | SSLError)) from error
        except (http.client.HTTPException, ValueError) as error:
            raise UpstreamError(f"{self._name} points to what cannot be asked for: {error}", cause=Cause.UNUSABLE) from error

    def _body(self, answer: BaseHTTPResponse, url: str, into: BinaryIO | None) -> bytes:
        body, started = bytearray(), time.monotonic()
        try:
            while chunk := answer.read1(_CHUNK, decode_content=False):
                if into:
                    into.write(chunk)
                    continue
                body += chunk
                if len(body) > MAX_BYTES:
                    raise UpstreamError(
                        f"{self._name}: the answer to {urlsplit(url).path} never ends: it is longer than {MAX_BYTES >> 20} MiB",
                        cause=Cause.UNUSABLE,
                    )
                if time.monotonic() > started + _ANSWER_LIMIT_S:
                    raise self._failed(OSError(f"no end of its answer within {_ANSWER_LIMIT_S:g} s"), url, lasting=True)
        except HTTPError as error:
            raise self._failed(error, url, lasting=isinstance(error, NoAnswerError) and not into) from error
        return bytes(body)

    def _failed(self, error: BaseException, url: str, *, lasting: bool) -> UpstreamError:
        """Return what to raise, and let it hold for all later requests if they would only wait for the same."""
        host = urlsplit(url).netloc
        where = self._name if host == self._name else f"{self._name}: {host}"
        failure = UpstreamError(f"{where}: {reason_of(error)}", cause=_cause_of(error))
        if lasting:
            self._cut = (failure, float("inf"))
        return failure


def named_by(name: str, url: str, base: str) -> SplitResult:
    """Return the parts of a URL that a registry has named.

    Args:
        name: What messages call the registry.
        url: The URL, which may be relative.
        base: What it may be relative to.

    Raises:
        UpstreamError: It is none.
    """
    try:
        parts = urlsplit(urljoin(base, url))
        origin(parts)  # reads the port
    except ValueError as error:
        raise UpstreamError(f"{name} points to {url[:_SHOWN]!r}, which is no URL: {error}", cause=Cause.UNUSABLE) from None
    return parts


def _trust(ca: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
        # Private CAs often lack extensions that Python wants since 3.13. regsync does not, and the planner shall not either.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _cause_of(error: BaseException) -> Cause:
    """Tell a server that does not speak HTTP, or shows no certificate for its name, from one that cannot be reached."""
    for one in causes_of(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return Cause.UNUSABLE
        if isinstance(one, OSError | http.client.IncompleteRead):
            return Cause.AWAY
        if isinstance(one, http.client.HTTPException):
            return Cause.UNUSABLE
    return Cause.AWAY


def _seconds(retry_after: str) -> float | None:
    """Return how long a `Retry-After` asks to wait, which is RFC 9110, section 10.2.3; None if it does not."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if retry_after.strip().isdecimal():
            return min(float(retry_after), _LONGEST_WAIT_S)
        wanted_s = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        return min(max(0.0, wanted_s), _LONGEST_WAIT_S)
    return None
