"""When a channel that did not take a letter is tried again; wall clocks that jump neither stop nor hurry it for long."""

from __future__ import annotations

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
    """A channel that does not take letters.

    Attributes:
        failures: How often in a row.
        failed_at: When last.
        retry_at: When it is tried again.
        reason: What it was, the last time.
        schema: Version of the format.
    """

    failures: Annotated[int, Field(ge=1)]
    failed_at: Time
    retry_at: Time
    reason: str
    schema: Literal[1] = 1

    def waits(self, now: float) -> bool:
        """Whether it is too early. A failure in the future, or a wait longer than any, is the work of a clock that was wrong."""
        return self.failed_at <= now < self.retry_at <= now + LONGEST_S * (1 + _JITTER)


_FAILING: TypeAdapter[Failing] = TypeAdapter(Failing)


def failed(before: Failing | None, now: float, reason: str, retry_after_s: float | None, random: Callable[[], float]) -> Failing:
    """Return what is known after one more failure.

    Args:
        before: What was known before it.
        now: When it was.
        reason: What it was.
        retry_after_s: What the service asked for; kept to, up to a day.
        random: Gives numbers from 0 to 1, so that many hosts do not come back at once.
    """
    failures = (before.failures if before else 0) + 1
    delay = DELAYS_S[min(failures, len(DELAYS_S)) - 1] * (1 + _JITTER * (2 * random() - 1))
    if retry_after_s is not None:
        delay = min(max(retry_after_s, 1.0), LONGEST_S) + _JITTER * DELAYS_S[0] * random()
    return Failing(failures, now, now + delay, reason)


def load(path: Path) -> Failing | None:
    """Read what is known; nothing when the file is missing or no longer to be read: the channel is tried at once then."""
    try:
        return _FAILING.validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def save(path: Path, failing: Failing | None) -> None:
    """Keep what is known; None when the channel works.

    Raises:
        OSError: The disk is full.
    """
    if failing is None:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, json.dumps(asdict(failing)) + "\n", mode=0o600)
