"""How long copies take: by how fast former ones were, and by how many pulls upstream grants in a window. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ops.upstream.budget import Budget


@dataclass(frozen=True)
class Speed:
    """How fast copies from a registry were.

    Attributes:
        size: Bytes that were copied.
        seconds: How long that took.
    """

    size: float
    seconds: float


@dataclass(frozen=True)
class Eta:
    """How long copies take.

    Attributes:
        seconds: In all.
        windows: How many times they have to wait for further pulls.
    """

    seconds: float
    windows: int = 0


def speed_of(speeds: Mapping[str, Speed], registry: str) -> Speed | None:
    """Return how fast copies from a registry were; without any, from all others; None if there were none at all."""
    found = [speeds[registry]] if registry in speeds else list(speeds.values())
    return Speed(sum(one.size for one in found), sum(one.seconds for one in found)) if found else None


def eta_of(size: int, pulls: int, budget: Budget | None, reserve: int, speed: Speed | None) -> Eta | None:
    """Return how long copies from one registry take; None if that is not known yet, or if they never end.

    Args:
        size: Bytes to copy.
        pulls: How many pulls that takes.
        budget: What the registry grants; None if it counts none.
        reserve: How many of them are left for people.
        speed: How fast it was before.
    """
    windows = _windows(pulls, budget, reserve) if budget else 0
    if speed is None or not speed.size or windows is None:
        return None
    waiting = windows * budget.window_s if budget else 0
    return Eta(waiting + size * speed.seconds / speed.size, windows)


def _windows(pulls: int, budget: Budget, reserve: int) -> int | None:
    missing = pulls - max(0, budget.remaining - reserve)
    if missing <= 0:
        return 0
    granted = budget.limit - reserve
    return math.ceil(missing / granted) if granted > 0 else None
