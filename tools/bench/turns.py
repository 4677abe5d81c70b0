"""Several ways to do the same, measured in turns, so that what else the machine does meets all of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def alternated(ways: Mapping[str, Callable[[], T]], turns: int, *, warm_up: bool = True) -> dict[str, list[T]]:
    """Measure each way as often as there are turns, one after the other in each turn.

    Args:
        ways: What measures it and returns what it found, by name.
        turns: How often.
        warm_up: Whether there is a turn before that does not count.
    """
    found = [{name: measure() for name, measure in ways.items()} for _ in range(turns + warm_up)][warm_up:]
    return {name: [turn[name] for turn in found] for name in ways}


def medians(ways: Mapping[str, Callable[[], object]], turns: int, *, warm_up: bool = True) -> dict[str, float]:
    """Return the median of the seconds that each way takes, measured in turns."""
    timed = {name: (lambda work=work: seconds(work)) for name, work in ways.items()}
    return {name: statistics.median(found) for name, found in alternated(timed, turns, warm_up=warm_up).items()}


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes; what was written before is on the disk by then, and is not its work."""
    os.sync()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
