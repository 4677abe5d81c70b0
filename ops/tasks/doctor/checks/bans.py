"""The check of bans: whether anybody is banned who should never be: this machine itself, or a network of the allow list."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from docker.errors import DockerException

from ops.core.findings import OK, SKIPPED, WARNING, Check
from ops.stack.crowdsec import Ban, BansError, Network, crowdsec, overlap
from ops.stack.stack import Stack

_NAME = "bans"
# Reserved for documentation: the way there is that to the Internet, and nothing is sent.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def bans(stack: Stack) -> Check:
    """Check the bans that were decided here.

    Args:
        stack: One in which CrowdSec runs.
    """
    try:
        with crowdsec(stack) as engine:
            found, allowed = engine.bans(), engine.allowed()
    except BansError as error:
        return Check(_NAME, WARNING, str(error), "`regops who-is-banned` says whether it goes on")
    except DockerException as error:
        return Check(_NAME, SKIPPED, str(error))
    return judge(found, own=own_addresses(stack.config.url, stack.config.resolve), allowed=allowed)


def judge(found: Sequence[Ban], *, own: Sequence[Network], allowed: Sequence[Network]) -> Check:
    """Return what is to be said of bans.

    Args:
        found: Those in force.
        own: Addresses of this machine.
        allowed: Networks of the allow list.
    """
    count = f"{len(found)} banned here" if found else "nobody is banned here"
    for whose, networks in (("this machine's own", own), ("on the allow list", allowed)):
        for ban in found:
            if (there := ban.network) and any(overlap(there, one) for one in networks):
                remedy = f"`regops unban {ban.value}`, and `protection.allow` in the settings for what should never be banned"
                return Check(_NAME, WARNING, f"{ban.value} is {whose}, and is banned: {ban.reason} ({count})", remedy)
    return Check(_NAME, OK, count)


def own_addresses(url: str, known: Mapping[str, str]) -> Sequence[Network]:
    """Return the addresses of this machine: those from which it reaches others, and those that the registry's name has.

    Args:
        url: The registry's.
        known: Addresses of names that are not looked up.
    """
    host = urlsplit(url).hostname or ""
    texts = set[str]()
    with contextlib.suppress(OSError):  # a name that is not known: the canary's check says so
        texts |= {str(info[4][0]) for info in socket.getaddrinfo(known.get(host, host), None, proto=socket.IPPROTO_TCP)}
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                texts.add(str(probe.getsockname()[0]))
        except OSError:
            continue  # it has no address of that version
    return [ipaddress.ip_network(text.partition("%")[0]) for text in sorted(texts)]
