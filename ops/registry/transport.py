"""Where a registry is reached: one request, its answer, and what can go wrong. Standard library only."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from ops.core import exit_codes

# The edge itself waits up to 45 s for a registry that is being replaced.
_REQUEST_LIMIT_S = 60.0
_MAX_SHOWN = 200
_REPEATABLE = {"GET", "HEAD"}


class RegistryError(Exception):
    """The registry did not do what was asked; the message says what and holds no secret."""

    exit_code = exit_codes.FAILED


class InsecureError(RegistryError):
    """A password would have travelled in clear text, or to another server."""

    exit_code = exit_codes.INVALID


class MismatchError(RegistryError):
    """The registry gave other content than it was given."""

    exit_code = exit_codes.MISMATCH


class UnreachableError(RegistryError):
    """Nobody answers, or only the edge does, for what stands behind it."""

    exit_code = exit_codes.UNREACHABLE


class RegistryBusyError(RegistryError):
    """It asks to be asked later: writes are refused while it is maintained, or too many sign in at once."""

    exit_code = exit_codes.BUSY


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    asked: str
    status: int
    headers: http.client.HTTPMessage
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
        """The code and the message of the first error in the body, empty when it has none."""
        try:
            first = json.loads(self.body)["errors"][0]
            return str(first["code"]), str(first["message"])
        except (ValueError, LookupError, TypeError):
            return "", ""

    def __str__(self) -> str:
        code, message = self.error
        shown = "".join(filter(str.isprintable, f"{code} {message}".strip()))[:_MAX_SHOWN]
        return f"{self.status}" + (f" ({shown})" if shown else "")


@dataclass(frozen=True)
class Endpoint:
    """Where a registry is reached.

    Attributes:
        url: Scheme, host and port.
        ca: File of the authority that signs its certificate; None for those that this machine trusts.
        addresses: IP addresses by host name, for names that are not to be looked up.
    """

    url: str
    ca: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, target: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
        """Send one request.

        Args:
            method: Of HTTP.
            target: Path, or a whole address of this registry.
            headers: Of the request.
            content: Its body.

        Raises:
            InsecureError: The target is another server, or clear text would leave this machine.
            OSError: Nobody answers.
            http.client.HTTPException: The answer is none.
        """
        url = self._own(target)
        with contextlib.closing(self._open(url)) as connection:
            return _exchange(connection, method, url, headers, content)

    def _own(self, target: str) -> SplitResult:
        url = urlsplit(urljoin(self.url, target))
        if _origin(url) != _origin(urlsplit(self.url)):
            raise InsecureError(f"{self.url} sends its clients to {url.scheme}://{url.netloc}, which was not followed")
        return url

    def _open(self, url: SplitResult) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(url.netloc, timeout=_REQUEST_LIMIT_S)
        connection.auto_open = 0  # it would open another one by itself, without TLS
        connection.sock = self._connect(url)
        return connection

    def certificate_times(self) -> tuple[datetime, datetime]:
        """Return from when and until when the registry's certificate is good, both in UTC.

        Raises:
            OSError: Nobody answers, or the certificate is not trusted.
        """
        with self._connect(urlsplit(self.url)) as connection:
            assert isinstance(connection, ssl.SSLSocket), self.url  # noqa: S101  # asked of https only
            shown = connection.getpeercert() or {}
        begins, ends = (ssl.cert_time_to_seconds(str(shown[key])) for key in ("notBefore", "notAfter"))
        return datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)

    def _connect(self, url: SplitResult) -> socket.socket:
        host, port = _origin(url)[1:]
        connected = socket.create_connection((self.addresses.get(host, host), port), timeout=_REQUEST_LIMIT_S)
        try:
            if url.scheme == "https":
                authority = self.ca.read_text() if self.ca else None
                return ssl.create_default_context(cadata=authority).wrap_socket(connected, server_hostname=host)
            peer = connected.getpeername()[0]
            if not ipaddress.ip_address(peer).is_loopback:
                raise InsecureError(f"{self.url} is {peer}: passwords go to another machine by https only")
            return connected
        except BaseException:
            connected.close()
            raise


@dataclass(frozen=True)
class PooledEndpoint(Endpoint):
    """One that keeps its connections for the next requests; several threads may ask at once. Close it at the end."""

    _idle: deque[http.client.HTTPConnection] = field(default_factory=deque, init=False, repr=False, compare=False)

    def ask(self, method: str, target: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
        """Send one request, as `Endpoint.ask` does; over a new connection when the kept one was ended meanwhile."""
        url = self._own(target)
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = self._open(url), False
            try:
                answer = _exchange(connection, method, url, headers, content)
            except BaseException as error:
                connection.close()
                # Only what may be asked twice: an answer that was lost on its way may have changed something.
                if kept and method in _REPEATABLE and isinstance(error, ConnectionError | http.client.HTTPException):
                    continue
                raise
            if connection.sock:  # else the registry has ended it with this answer
                self._idle.append(connection)
            return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()


def _exchange(
    connection: http.client.HTTPConnection, method: str, url: SplitResult, headers: Mapping[str, str], content: bytes | None
) -> Answer:
    path = url._replace(scheme="", netloc="", fragment="").geturl()
    connection.request(method, path, body=content, headers={"Host": url.netloc, **headers})
    response = connection.getresponse()
    try:
        body = response.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial  # whoever compares digests finds out
        connection.close()
    return Answer(f"{method} {url.path}", response.status, response.headers, body)


def _origin(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme, url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)


def reason_of(error: Exception) -> str:
    """Return why a request got no answer, in words for people."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS: {error.reason or error}"
        case socket.gaierror():
            return f"its name is not known: {error.strerror}"
        case OSError():
            said = error.strerror or str(error) or type(error).__name__
            return f"{error.filename}: {said}" if error.filename else said
    return f"no answer of HTTP: {type(error).__name__}"
