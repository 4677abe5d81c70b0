"""The time left of parallel steps, from what each typically costs and how fast this run is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

# Before this share of the work is done, any number would be a guess.
_ENOUGH = 0.1
# A step that takes longer than expected counts as nearly done, never as done.
_NEARLY = 0.95


class Estimate:
    """What is known of the work: what each step costs, and which have begun and ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._costs: dict[str, float | None] = {}
        self._began: dict[str, float] = {}
        self._done: set[str] = set()

    def add(self, costs: Mapping[str, float | None], *, within: str = "") -> None:
        """Add steps.

        Args:
            costs: CPU seconds that each step typically takes; None if not known yet.
            within: The step that consists of these; its own cost is theirs.
        """
        with self._lock:
            if within:
                self._costs[within] = 0.0
            self._costs |= costs

    def began(self, step: str) -> None:
        """Note that a step has begun."""
        with self._lock:
            self._began[step] = time.monotonic()

    def ended(self, step: str) -> None:
        """Note that a step is done."""
        with self._lock:
            self._done.add(step)

    def remaining(self) -> float | None:
        """Return the seconds left, or None as long as too little is known."""
        with self._lock:
            costs = {step: cost for step, cost in self._costs.items() if cost is not None}
            if any(step not in self._done for step in self._costs.keys() - costs.keys()):
                return None
            total = sum(costs.values())
            done = sum(cost for step, cost in costs.items() if step in self._done)
            if not done or done < total * _ENOUGH:
                return None
            now = time.monotonic()
            running = {step: now - self._began[step] for step in self._began.keys() - self._done if costs.get(step)}
            elapsed = max(now - self._start, 0.001)
        speed = done / elapsed
        for _ in range(3):  # the speed depends on how far the running steps are, and that on the speed
            under_way = sum(min(costs[step] * _NEARLY, spent * speed / len(running)) for step, spent in running.items())
            speed = (done + under_way) / elapsed
        return max(total - done - under_way, 0.0) / speed
