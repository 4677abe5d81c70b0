"""A scope of work whose commands can be ended together, from another thread."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

_GRACE_S = 5.0
_POLL_S = 0.05


class EndedError(Exception):
    """The work was called off while a command ran or before it started."""


class Scope:
    """Work that is called off as a whole: what `ops.core.process.run` runs in it ends, and nothing new starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether the work was called off."""
        return self._ended.is_set()

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make this the scope of what runs inside, in this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def end(self) -> None:
        """Call the work off: SIGTERM for every command's process group, then SIGKILL after 5 s."""
        self._ended.set()
        self._signal(signal.SIGTERM)
        give_up = time.monotonic() + _GRACE_S
        while self._groups and time.monotonic() < give_up:
            time.sleep(_POLL_S)
        self._signal(signal.SIGKILL)

    def check(self) -> None:
        """Go on only if the work was not called off.

        Raises:
            EndedError: It was.
        """
        if self.ended:
            raise EndedError("called off, since another step failed or the run was interrupted")

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, number)

    @contextlib.contextmanager
    def running(self, group: int) -> Iterator[None]:
        """Have a command's process group ended with the work, as long as the block runs."""
        with self._lock:
            self._groups.add(group)
        try:
            if self.ended:  # called off since the command was started, and nobody would come back to one that does not listen
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            yield
        finally:
            with self._lock:
                self._groups.discard(group)
        self.check()


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """Return the scope of this thread's work, if it has one."""
    return _current.get()
