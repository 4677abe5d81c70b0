"""The connections of this host that the kernel's firewall remembers, and how many it can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Each network namespace sees its own count, and a container therefore never the host's:
# https://docs.kernel.org/networking/nf_conntrack-sysctl.html
_KERNEL = Path("/proc/sys/net/netfilter")


@dataclass(frozen=True)
class Connections:
    """How full the kernel's table of connections is.

    Attributes:
        entries: The connections in it.
        limit: How many there can be. Packets of any more are dropped.
    """

    entries: int
    limit: int


def connections(folder: Path = _KERNEL) -> Connections | None:
    """Return how full the table is; None where the kernel keeps none, as without a firewall that asks for it."""
    try:
        entries, limit = ((folder / f"nf_conntrack_{name}").read_text() for name in ("count", "max"))
    except OSError:
        return None
    return Connections(int(entries), int(limit))
