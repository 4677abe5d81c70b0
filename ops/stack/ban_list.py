"""The list of bans for those who may not ask CrowdSec, such as the console: a small file that tasks of the host write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ops.config import ConfigError, load, render
from ops.config.base import Strict
from ops.core.files import write_atomic
from ops.stack.crowdsec import Ban
from ops.stack.stack import Stack

FILE = "bans.json"
# In an attack there may be many; the newest are those that somebody asks about.
MOST = 500


class BanList(Strict):
    """Who was banned at a time.

    Attributes:
        at: When CrowdSec was asked, in seconds since 1970.
        bans: Who was banned here, the newest first; not more than `MOST`.
        count: How many were.
        community: How many bans the community's lists held; None if that was not known.
    """

    at: float
    bans: tuple[Ban, ...] = ()
    count: int = 0
    community: int | None = None


def note_bans(stack: Stack, bans: Sequence[Ban], community: int | None) -> None:
    """Write down who is banned now.

    Raises:
        OSError: It cannot be written.
    """
    known = BanList(at=time.time(), bans=tuple(bans[:MOST]), count=len(bans), community=community)
    write_atomic(_file(stack), render(known), mode=0o640)


def noted_bans(stack: Stack) -> BanList | None:
    """Return what was written down last; None if nothing was, or it cannot be read."""
    try:
        return load(_file(stack), BanList)
    except ConfigError:
        return None


def _file(stack: Stack) -> Path:
    return stack.data / FILE
