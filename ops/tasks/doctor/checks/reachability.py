"""Checks whether this machine can reach a registry: its name, its edge, and whether both clocks agree."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.registry.transport import Answer, Endpoint, UnreachableError, causes_of

# Tokens are valid for five minutes, and refused before they start to be: https://distribution.github.io/distribution/spec/auth/jwt/
_LARGEST_DIFFERENCE = timedelta(seconds=30)
ON_SERVER = "on the server, `regops doctor` shows what is wrong"
_BANNED = "on the server, `regops who-is-banned` shows whether this machine is banned, and `regops unban` lifts the ban"


def name(endpoint: Endpoint) -> Check:
    """Check whether the registry's name resolves, and to public addresses."""
    host = urlsplit(endpoint.url).hostname or ""
    if host in endpoint.addresses:
        return Check("name", SKIPPED, f"not looked up: {host} was given as {endpoint.addresses[host]}")
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a valid host name"
        remedy = "point the registry's name to the server's address in DNS; or is this machine offline?"
        return Check("name", FAILED, f"{host} cannot be resolved: {why}", remedy, exit_codes.UNREACHABLE)
    detail = f"{host} resolves to {', '.join(found)}"
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    if all(address.is_global for address in addresses) or all(address.is_loopback for address in addresses):
        return Check("name", OK, detail)
    return Check("name", WARNING, f"{detail}: not all are public addresses", "point it to the server's public address")


def edge(endpoint: Endpoint) -> tuple[Check, Answer | None]:
    """Check whether the edge lets this machine in; also return its answer, if there is one.

    Raises:
        InsecureError: The request would leave this machine unencrypted.
    """
    try:
        answer = endpoint.ask("GET", "/v2/", headers={})
    except UnreachableError as error:
        return Check("edge", FAILED, str(error), _remedy(error), error.exit_code), None
    if answer.status == HTTPStatus.FORBIDDEN:
        return Check("edge", FAILED, f"it refuses this machine: {answer.asked} was answered {answer}", _BANNED), None
    return Check("edge", OK, f"it answers: {answer.asked} was answered {answer.status}"), answer


def _remedy(error: UnreachableError) -> str:
    match next((one for one in causes_of(error) if isinstance(one, OSError)), None):
        case ssl.SSLCertVerificationError():
            now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            return f"is this the right name, and is it really {now} now? Pass a private CA with --ca; {ON_SERVER}"
        case ConnectionError() | TimeoutError():
            return f"check whether the edge is running and whether a firewall is in the way; {_BANNED}"
    return ON_SERVER


def clocks(answer: Answer, now: datetime) -> Check:
    """Check whether the clocks of this machine and the server agree; tokens are only valid for minutes.

    Args:
        answer: The server's answer, just received.
        now: The time by this machine's clock.
    """
    try:
        # It may be a date without a zone, which means UTC: https://datatracker.ietf.org/doc/html/rfc9110#section-5.6.7
        told = parsedate_to_datetime(answer.headers.get("Date", "")).replace(tzinfo=UTC)
    except ValueError:
        return Check("clock", SKIPPED, "the server does not report its time")
    ahead = now - told
    if abs(ahead) <= _LARGEST_DIFFERENCE:
        return Check("clock", OK, "this machine and the server agree")
    which = "ahead of" if ahead > timedelta() else "behind"
    detail = f"this machine is {abs(ahead).total_seconds():.0f} s {which} the server ({told:%Y-%m-%d %H:%M:%S} UTC)"
    return Check("clock", WARNING, detail, "set the wrong clock from a time server: `timedatectl set-ntp true`")
