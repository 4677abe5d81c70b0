"""For programs that tests run: functions that kill their process, with -9, before or after one of their calls."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Deadly:
    """Where a process ends.

    Attributes:
        step: In calls of which step.
        moment: `before` or `after` the call.
        number: Which call, from 1.
    """

    step: str
    moment: str
    number: int
    _calls: Counter[str] = field(default_factory=Counter, init=False)

    def __call__(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, and is a step of this name."""

        def call(*arguments: Any, **keywords: Any) -> Any:
            self._calls[name] += 1
            here = (name, self._calls[name]) == (self.step, self.number)
            if here and self.moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **keywords)
            if here and self.moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call
