"""Checks whether a proxy is in front of the edge that it should trust."""

from __future__ import annotations

from ops.core.findings import WARNING, Check
from ops.stack.access_log import access_log_of
from ops.stack.stack import Stack
from ops.stack.untrusted_proxies import untrusted_proxies

_SHOWN = 5


def proxies(stack: Stack) -> list[Check]:
    """Return a check for proxies that speak for others, but are not trusted; nothing if there are none."""
    found = untrusted_proxies(access_log_of(stack))
    if not found:
        return []
    shown = [f"{one.address}{' (on this host)' if one.on_host else ''}" for one in found[:_SHOWN]]
    wanted = dict.fromkeys("127.0.0.1" if one.on_host else one.address for one in found[:_SHOWN])
    detail = (
        f"requests come through a proxy that is not trusted, from {', '.join(shown)}: all its clients count as one, "
        "so that the failed logins of one lock out the others"
    )
    remedy = f"if it is yours, set edge.trusted_proxies: [{', '.join(wanted)}], then run `up`"
    return [Check("proxies", WARNING, detail, remedy)]
