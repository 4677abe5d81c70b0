"""The check of bans: nobody may be banned who never should be, such as this machine or a network on the allow list."""

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
# Reserved for documentation: the route to them is the one to the Internet, and nothing is sent.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def bans(stack: Stack) -> Check:
    """Check the bans decided on this host.

    Args:
        stack: One in which CrowdSec runs.
    """
    try:
        with crowdsec(stack) as engine:
            found, allowed = engine.bans(), engine.allowed()
    except BansError as error:
        return Check(_NAME, WARNING, str(error), "run `regops who-is-banned` to see whether that is still so")
    except DockerException as error:
        return Check(_NAME, SKIPPED, str(error))
    return judge(found, own=own_addresses(stack.config.url, stack.config.resolve), allowed=allowed)


def judge(found: Sequence[Ban], *, own: Sequence[Network], allowed: Sequence[Network]) -> Check:
    """Judge bans.

    Args:
        found: The bans in force.
        own: Addresses of this machine.
        allowed: Networks on the allow list.
    """
    count = f"{len(found)} banned here" if found else "nobody is banned here"
    for whose, networks in (("this machine's own address", own), ("on the allow list", allowed)):
        for ban in found:
            if (there := ban.network) and any(overlap(there, one) for one in networks):
                remedy = f"run `regops unban {ban.value}`; list what should never be banned in `protection.allow`"
                return Check(_NAME, WARNING, f"{ban.value} is banned, but is {whose}: {ban.reason} ({count})", remedy)
    return Check(_NAME, OK, count)


def own_addresses(url: str, known: Mapping[str, str]) -> Sequence[Network]:
    """Return this machine's addresses: those it uses to reach others, and those of the registry's name.

    Args:
        url: The registry's URL.
        known: Addresses by name, for names that are not looked up.
    """
    host = urlsplit(url).hostname or ""
    texts = set[str]()
    with contextlib.suppress(OSError):  # an unknown name is reported by the canary's check
        texts |= {str(info[4][0]) for info in socket.getaddrinfo(known.get(host, host), None, proto=socket.IPPROTO_TCP)}
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                texts.add(str(probe.getsockname()[0]))
        except OSError:
            continue  # no address of that IP version
    return [ipaddress.ip_network(text.partition("%")[0]) for text in sorted(texts)]
