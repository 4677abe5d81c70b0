"""Which accounts are refused again and again from which address, written to a file so that the operator is told."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from ops.config import FailingLogin, FailingLogins, render
from ops.core.files import write_atomic

# Beyond it, those that have been quiet for longest are forgotten first.
_MAX_KEPT = 256
_MAX_TOLD = 20
# A crowd of refused clients must not keep the disk busy.
_WRITE_EVERY_S = 30.0

_log = logging.getLogger(__name__)


class Failing:
    """Counts refused logins by account and address."""

    def __init__(self, file: Path, enough: int, *, clock: Callable[[], float] = time.time) -> None:
        """Begin with none.

        Args:
            file: Where they are written.
            enough: How often an account must have been refused from an address to be told.
            clock: Seconds since the epoch.
        """
        self._file, self._enough, self._clock = file, enough, clock
        self._refused: OrderedDict[tuple[str, str], FailingLogin] = OrderedDict()
        self._written = 0.0

    def refused(self, account: str, client: str) -> bool:
        """Count a refused login; return whether it is time to write the file."""
        now, key = self._clock(), (account, client)
        known = self._refused.pop(key, None)
        since, times = (now, 0) if known is None or known.is_over(now) else (known.since, known.times)
        self._refused[key] = FailingLogin(account=account, client=client, since=since, last=now, times=times + 1)
        while len(self._refused) > _MAX_KEPT:
            self._refused.popitem(last=False)
        if times + 1 < self._enough or (times + 1 > self._enough and now - self._written < _WRITE_EVERY_S):
            return False
        self._written = now
        return True

    def told(self) -> FailingLogins:
        """Return what the file should say."""
        found = [one for one in self._refused.values() if one.times >= self._enough]
        worst = sorted(found, key=lambda one: one.times, reverse=True)
        return FailingLogins(logins=FailingLogins(logins=tuple(worst)).at(self._clock())[:_MAX_TOLD])

    def write(self) -> None:
        """Write the file. If that is impossible, logins go on, and the log says so."""
        try:
            write_atomic(self._file, render(self.told()))
        except OSError as error:
            _log.error("failing logins cannot be told", extra={"reason": f"{self._file}: {error.strerror or error}"})
