"""When to retry a channel that failed; a wall clock that jumps neither blocks nor rushes it for long."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from ops.core.files import write_atomic
from ops.notify.message import Time

DELAYS_S = (60.0, 300.0, 900.0, 3600.0, 4 * 3600.0)
_JITTER = 0.2
LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class Failing:
    """A channel that is failing.

    Attributes:
        failures: How often in a row.
        failed_at: When last.
        retry_at: When it is tried again.
        reason: Why it failed last.
        schema: Version of the format.
    """

    failures: Annotated[int, Field(ge=1)]
    failed_at: Time
    retry_at: Time
    reason: str
    schema: Literal[1] = 1

    def waits(self, now: float) -> bool:
        """Whether it is too early to retry. A failure in the future, or an impossibly long wait, comes from a wrong clock."""
        return self.failed_at <= now < self.retry_at <= now + LONGEST_S * (1 + _JITTER)


@functools.cache
def _failing_file() -> TypeAdapter[Failing]:
    return TypeAdapter(Failing)  # takes milliseconds, so only when a file is read


def failed(before: Failing | None, now: float, reason: str, retry_after_s: float | None, random: Callable[[], float]) -> Failing:
    """Return what is known after one more failure.

    Args:
        before: What was known before it.
        now: When it was.
        reason: Why.
        retry_after_s: The wait that the service asked for; respected up to a day.
        random: Gives numbers from 0 to 1, so that many hosts do not retry at once.
    """
    failures = (before.failures if before else 0) + 1
    delay = DELAYS_S[min(failures, len(DELAYS_S)) - 1] * (1 + _JITTER * (2 * random() - 1))
    if retry_after_s is not None:
        delay = min(max(retry_after_s, 1.0), LONGEST_S) + _JITTER * DELAYS_S[0] * random()
    return Failing(failures, now, now + delay, reason)


def load(path: Path) -> Failing | None:
    """Read the record of failures; None when the file is missing or unreadable: the channel is then tried at once."""
    try:
        return _failing_file().validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def save(path: Path, failing: Failing | None) -> None:
    """Write the record of failures; None, when the channel works, removes it.

    Raises:
        OSError: The disk is full.
    """
    if failing is None:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, json.dumps(asdict(failing)) + "\n", mode=0o600)
