"""Finds out in a thread of its own what takes too long for a page: pages show what was found last, and work goes on slowly."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
# A quarter of a core is all there is. With an eighth for this, pages have at least the other half.
_WORK_S, _REST_S = 0.005, 0.035
# A small registry is looked through in less: then the first page has it already.
_PATIENCE_S = 0.1

_log = logging.getLogger(__name__)


class Pace:
    """Works a little, and rests for longer. Call it often."""

    def __init__(self) -> None:
        """Begin to work."""
        self._since = time.thread_time()

    def __call__(self) -> None:
        """Rest, if it is time to."""
        if time.thread_time() - self._since > _WORK_S:
            time.sleep(_REST_S)
            self._since = time.thread_time()


class Behind(Generic[T]):
    """What was found out last; once that is old and somebody asks, it is found out again meanwhile."""

    def __init__(self, find_out: Callable[[Pace], T], *, good_for_s: float) -> None:
        """Know nothing yet.

        Args:
            find_out: Finds it out. With an `OSError` it stays as it was.
            good_for_s: For how many seconds what was found is good.
        """
        self._find_out, self._good_for_s = find_out, good_for_s
        self._known: T | None = None
        self._began: float | None = None
        self._thread: Thread | None = None
        self._lock = Lock()

    def get(self) -> T | None:
        """Return what is known; None as long as nothing is."""
        thread = self._started()
        if self._known is None and thread:
            thread.join(_PATIENCE_S)
        return self._known

    def wait(self) -> T | None:
        """Return what is known once it was found out."""
        thread = self._started()
        if thread:
            thread.join()
        return self._known

    def _started(self) -> Thread | None:
        """Return the thread that finds it out, if it has to be found out or is being so."""
        with self._lock:
            if self._thread and self._thread.is_alive():
                return self._thread
            if self._began is not None and time.monotonic() - self._began < self._good_for_s:
                return None
            self._began = time.monotonic()
            self._thread = Thread(target=self._run, daemon=True, name="behind")
            self._thread.start()
            return self._thread

    def _run(self) -> None:
        try:
            self._known = self._find_out(Pace())
        except OSError as error:
            _log.warning("cannot be read", extra={"path": error.filename, "reason": error.strerror or str(error)})
