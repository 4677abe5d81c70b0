"""How a registry is reached over HTTP: one request, its answer, and what can go wrong."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from ops.core import exit_codes
from ops.core.answers import shown

# The edge itself waits up to 45 s for a registry that is being replaced.
_REQUEST_LIMIT_S = 60.0
_MAX_SHOWN = 200
_REPEATABLE = {"GET", "HEAD"}
# How many connections are kept for further requests; more may be open at once.
_KEPT = 32
_HEADERS = {"User-Agent": "regops"}


class RegistryError(Exception):
    """The registry did not do what was asked; the message says what, and contains no secret."""

    exit_code = exit_codes.FAILED


class InsecureError(RegistryError):
    """A password would have been sent in clear text or to another server."""

    exit_code = exit_codes.INVALID


class DowngradeError(InsecureError):
    """Clients that came with TLS are sent on to the same name without."""


class MismatchError(RegistryError):
    """The registry returned other content than was pushed."""

    exit_code = exit_codes.MISMATCH


class UnreachableError(RegistryError):
    """There is no answer, or only the edge answers because the registry behind it is away."""

    exit_code = exit_codes.UNREACHABLE


class RegistryBusyError(RegistryError):
    """It asks us to retry later: it is in read-only mode, or too many clients log in at once."""

    exit_code = exit_codes.BUSY


class ThrottledError(RegistryError):
    """It lets this address wait, because of what was sent from here (429). It is not busy: others are served."""


@dataclass(frozen=True)
class Answer:
    """An answer to a request.

    Attributes:
        asked: Method and path of the request.
        status: The HTTP status.
        headers: Its headers; upper and lower case make no difference.
        body: Its body. It may have been cut short: whoever compares digests will notice.
    """

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def expect(self, *statuses: int) -> Answer:
        """Return the answer itself.

        Raises:
            RegistryError: Its status is another one.
        """
        if self.status not in statuses:
            raise RegistryError(f"{self.asked} was answered {self}")
        return self

    @property
    def error(self) -> tuple[str, str]:
        """The code and the message of the first error in the body; empty if there is none."""
        try:
            first = json.loads(self.body)["errors"][0]
            return str(first["code"]), str(first["message"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return "", ""

    def __str__(self) -> str:
        code, message = self.error
        said = shown(f"{code} {message}".strip())[:_MAX_SHOWN]
        return f"{self.status}" + (f" ({said})" if said else "")


# Whether this thread's request has opened a new connection, or used a kept one.
_this_request = threading.local()


class _PlainConnection(HTTPConnection):
    """A connection without TLS, which may not leave this machine."""

    def connect(self) -> None:
        _this_request.connected = True
        super().connect()
        peer = self.sock.getpeername()[0]
        if not ipaddress.ip_address(peer).is_loopback:
            self.close()
            raise InsecureError(f"http://{self.host}:{self.port} is another machine: passwords are sent there over https only")


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _this_request.connected = True
        super().connect()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@dataclass(frozen=True)
class Endpoint:
    """Where a registry is reached.

    Attributes:
        url: Scheme, host and port.
        ca: CA file for its certificate; None for the CAs that this machine trusts.
        addresses: IP addresses by host name, for names that are not to be looked up.
    """

    url: str
    ca: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, target: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
        """Send one request. Redirects are not followed.

        Args:
            method: The HTTP method.
            target: A path, or a whole URL of this registry.
            headers: The request's headers.
            content: Its body.

        Raises:
            InsecureError: The target is another server, or clear text would leave this machine.
            UnreachableError: There is no answer.
        """
        url = self._own(target)
        with self._reached(), self._pool() as pool:
            return self._exchange(pool, method, url, headers, content)

    def certificate_times(self) -> tuple[datetime, datetime]:
        """Return from when and until when the registry's certificate is valid, both in UTC.

        Raises:
            UnreachableError: There is no answer, or the certificate is not trusted.
        """
        host, port = origin(urlsplit(self.url))[1:]
        with self._reached():
            connection = HTTPSConnection(
                self.addresses.get(host, host),
                port,
                server_hostname=host,
                ssl_context=self._trust(),
                timeout=_REQUEST_LIMIT_S,
            )
            with contextlib.closing(connection):
                connection.connect()
                assert isinstance(connection.sock, ssl.SSLSocket)  # noqa: S101  # it speaks TLS only
                shown = connection.sock.getpeercert() or {}
        begins, ends = (ssl.cert_time_to_seconds(str(shown[key])) for key in ("notBefore", "notAfter"))
        return datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)

    def _own(self, target: str) -> SplitResult:
        try:
            url = urlsplit(urljoin(self.url, target))
            own = origin(url) == origin(urlsplit(self.url))
        except ValueError as error:
            raise RegistryError(f"{self.url} points to an invalid URL: {error}") from None
        there, came = f"{url.scheme}://{url.netloc}", urlsplit(self.url)
        if (came.scheme, url.scheme) == ("https", "http") and came.hostname == url.hostname:
            raise DowngradeError(f"{self.url} sends its clients to {there}, without TLS, which was not followed")
        if not own:
            raise InsecureError(f"{self.url} points to another server, {there}, which was not followed")
        return url

    def _pool(self) -> HTTPConnectionPool:
        scheme, host, port = origin(urlsplit(self.url))
        address = self.addresses.get(host, host)
        if scheme == "http":
            return _PlainPool(address, port, timeout=_REQUEST_LIMIT_S, maxsize=_KEPT)
        context = self._trust()
        return _TlsPool(address, port, timeout=_REQUEST_LIMIT_S, maxsize=_KEPT, ssl_context=context, server_hostname=host)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca.read_text() if self.ca else None)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (HTTPError, OSError) as error:
            raise UnreachableError(f"{self.url}: {reason_of(error)}") from error

    def _exchange(
        self, pool: HTTPConnectionPool, method: str, url: SplitResult, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        response = pool.urlopen(
            method,
            (url.path or "/") + (f"?{url.query}" if url.query else ""),
            content,
            {"Host": urlsplit(self.url).netloc, **_HEADERS, **headers},
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            body = response.read()
        except ProtocolError as error:
            if not isinstance(error.__cause__, http.client.IncompleteRead):
                raise
            body = error.__cause__.partial
        return Answer(f"{method} {url.path}", response.status, response.headers, body)


@dataclass(frozen=True)
class PooledEndpoint(Endpoint):
    """An endpoint that keeps connections open for further requests; several threads may use it at once. Close it at the end."""

    _pools: list[HTTPConnectionPool] = field(default_factory=list, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def ask(self, method: str, target: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
        """Send one request, as `Endpoint.ask` does, but retry if the registry has closed the kept connection."""
        url = self._own(target)
        with self._reached():
            with self._lock:
                if not self._pools:
                    self._pools.append(self._pool())
                pool = self._pools[0]
            while True:
                _this_request.connected = False
                try:
                    return self._exchange(pool, method, url, headers, content)
                except ProtocolError:
                    # Only what is safe to repeat: a request whose answer was lost may have changed something.
                    if _this_request.connected or method not in _REPEATABLE:
                        raise

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            while self._pools:
                self._pools.pop().close()


def origin(url: SplitResult) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL: RFC 6454."""
    return url.scheme, url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that caused it: urllib3 wraps what happened, sometimes twice."""
    seen = [error]
    for one in seen:
        yield one
        further = [one.__cause__, *one.args]
        seen += [other for other in further if isinstance(other, BaseException) and other not in seen]


def reason_of(error: BaseException) -> str:
    """Return why there was no answer, in plain words."""
    cause = next((one for one in causes_of(error) if isinstance(one, OSError | http.client.HTTPException)), error)
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {cause.verify_message}"
        case ssl.SSLError():
            return f"no TLS: {cause.reason or cause}"
        case socket.gaierror():
            return f"its name is not known: {cause.strerror}"
        case OSError():
            said = cause.strerror or str(cause) or type(cause).__name__
            return f"{cause.filename}: {said}" if cause.filename else said
    return f"not an HTTP answer: {type(cause).__name__}"
