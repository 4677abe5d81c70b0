"""How long the phases of a task take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Clock:
    """How many seconds each phase took.

    Attributes:
        began: When the task did, in seconds since 1970.
        seconds: By phase, in all.
        last: The last time.
        longest: At most.
        times: How often there was one.
    """

    began: float = field(default_factory=time.time)
    seconds: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what runs inside."""
        start = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took
            self.last[name] = took
            self.longest[name] = max(self.longest.get(name, 0.0), took)
            self.times[name] = self.times.get(name, 0) + 1
