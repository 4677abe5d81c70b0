"""Checks of the way from this machine to a registry: its name, whether the edge lets this machine in, and both clocks."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from ops.core import exit_codes
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.registry.transport import Answer, Endpoint, reason_of

# Tokens are good for five minutes, and refused before their time: https://distribution.github.io/distribution/spec/auth/jwt/
_LARGEST_DIFFERENCE = timedelta(seconds=30)
ON_SERVER = "on the server, `regops doctor` says what is wrong"
_BANNED = "on the server, `regops who-is-banned` says whether this machine's address is banned, and `regops unban` lifts it"


def name(endpoint: Endpoint) -> Check:
    """Check whether the registry's name is known, and whether its addresses can be reached from everywhere."""
    host = urlsplit(endpoint.url).hostname or ""
    if host in endpoint.addresses:
        return Check("name", SKIPPED, f"{host} is told to be {endpoint.addresses[host]}")
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        remedy = "let the registry's name point to the server's address in DNS; or is this machine without a network?"
        return Check("name", FAILED, f"{host} is not known: {why}", remedy, exit_codes.UNREACHABLE)
    detail = f"{host} is {', '.join(found)}"
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    if all(address.is_global for address in addresses) or all(address.is_loopback for address in addresses):
        return Check("name", OK, detail)
    return Check(
        "name", WARNING, f"{detail}: not all can be reached from everywhere", "let it point to the server's public address"
    )


def edge(endpoint: Endpoint) -> tuple[Check, Answer | None]:
    """Check whether the edge lets this machine in; return what it answers as well, if it does.

    Raises:
        InsecureError: Clear text would leave this machine.
    """
    try:
        answer = endpoint.ask("GET", "/v2/", headers={})
    except (OSError, http.client.HTTPException) as error:
        return Check("edge", FAILED, f"{endpoint.url}: {reason_of(error)}", _remedy(error), exit_codes.UNREACHABLE), None
    if answer.status == HTTPStatus.FORBIDDEN:
        return Check("edge", FAILED, f"it refuses this machine: {answer.asked} was answered {answer}", _BANNED), None
    return Check("edge", OK, f"it answers: {answer.asked} was answered {answer.status}"), answer


def _remedy(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            return f"is it the right name, and is it now {now}? An own authority is named with --ca; {ON_SERVER}"
        case ConnectionError() | TimeoutError():
            return f"see whether the edge runs, and whether a firewall is between; {_BANNED}"
    return ON_SERVER


def clocks(answer: Answer, now: datetime) -> Check:
    """Check whether this machine and the server have the same time; tokens are good for minutes only.

    Args:
        answer: Of the server, which has just come.
        now: What this machine thinks.
    """
    try:
        # It may also be a date without a zone, which is UTC: https://datatracker.ietf.org/doc/html/rfc9110#section-5.6.7
        told = parsedate_to_datetime(answer.headers.get("Date", "")).replace(tzinfo=UTC)
    except ValueError:
        return Check("clock", SKIPPED, "the server does not say what time it has")
    ahead = now - told
    if abs(ahead) <= _LARGEST_DIFFERENCE:
        return Check("clock", OK, "this machine and the server have the same time")
    which = "ahead of" if ahead > timedelta() else "behind"
    detail = f"this machine is {abs(ahead).total_seconds():.0f} s {which} the server, which has {told:%Y-%m-%d %H:%M:%S} UTC"
    return Check("clock", WARNING, detail, "let a time server set the clock of the one that is wrong: `timedatectl set-ntp true`")
