"""What the page of bans shows: who is banned, as far as the host has written it down."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ops.runs.due import PERIODS_S
from ops.stack.ban_list import BanList, noted_bans
from ops.stack.crowdsec import SERVICE, Ban, hits
from ops.stack.stack import Stack

# Of the runs that write the list, one may have been in the way of another.
_OLD_S = 3 * PERIODS_S["bans"]


@dataclass(frozen=True)
class Shown:
    """The bans.

    Attributes:
        protected: Whether anybody is banned at all in this stack.
        known: What was written down; None if nothing was.
        bans: Those that are in force and were asked for.
        old: Whether that is so long ago that something is wrong.
    """

    protected: bool
    known: BanList | None
    bans: Sequence[Ban]
    old: bool


def shown(stack: Stack, asked: str) -> Shown:
    """Return the bans that hit an address or network, or whose words contain a text."""
    known, now = noted_bans(stack), datetime.now(UTC)
    bans = [ban for ban in known.bans if ban.until > now] if known else []
    old = known is not None and time.time() - known.at > _OLD_S
    return Shown(SERVICE in stack.config.services, known, _asked(bans, asked), old)


def _asked(bans: Sequence[Ban], asked: str) -> Sequence[Ban]:
    if not asked:
        return bans
    try:
        return hits(bans, ipaddress.ip_network(asked, strict=False))
    except ValueError:
        text = asked.casefold()
        return [ban for ban in bans if text in f"{ban.value} {ban.reason} {ban.origin} {ban.country}".casefold()]
