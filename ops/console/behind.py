"""Finds out in a thread of its own what takes too long for a page: pages show what was found last, and do not wait for it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from threading import Lock, Thread
from typing import Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")
# A quarter of a core is all there is.
_WORK_S, _REST_S = 0.005, 0.045
# A page that is being made takes a hundred times as long beside work that wants Python's lock, too. It need not wait for ever.
_POLITE_S, _LOOK_S = 2.0, 0.02
# A small registry is looked through in less: then the first page has it already.
_PATIENCE_S = 0.1

_log = logging.getLogger(__name__)


class Courtesy:
    """Knows whether pages are being made, so that work rests meanwhile."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pages, self._lock = 0, Lock()

    @property
    def wanted(self) -> bool:
        """Whether a page is being made."""
        return self._pages > 0

    def count(self, more: int) -> None:
        """Count pages that begin to be made, or, less than none, that are done."""
        with self._lock:
            self._pages += more

    @contextlib.contextmanager
    def waits(self) -> Iterator[None]:
        """Wait for the work itself, while a page is made: then it must not rest."""
        self.count(-1)
        try:
            yield
        finally:
            self.count(1)


class Courteous:
    """Counts the requests that are being answered."""

    def __init__(self, app: ASGIApp, courtesy: Courtesy) -> None:
        """Take who else answers, and where they are counted."""
        self._app, self._courtesy = app, courtesy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._courtesy.count(1)
        try:
            await self._app(scope, receive, send)
        finally:
            self._courtesy.count(-1)


class Pace:
    """Works a little, and rests for longer, and for as long as pages are made. Call it often."""

    def __init__(self, courtesy: Courtesy) -> None:
        """Begin to work."""
        self._courtesy, self._since = courtesy, time.thread_time()

    def __call__(self) -> None:
        """Rest, if it is time to."""
        if not self._courtesy.wanted and time.thread_time() - self._since < _WORK_S:
            return
        time.sleep(_REST_S)
        enough = time.monotonic() + _POLITE_S
        while self._courtesy.wanted and time.monotonic() < enough:
            time.sleep(_LOOK_S)
        self._since = time.thread_time()


class Behind(Generic[T]):
    """What was found out last; once that is old and somebody asks, it is found out again meanwhile."""

    def __init__(self, find_out: Callable[[Pace], T], courtesy: Courtesy, *, good_for_s: float) -> None:
        """Know nothing yet.

        Args:
            find_out: Finds it out. With an `OSError` it stays as it was.
            courtesy: Knows whether pages are being made.
            good_for_s: For how many seconds what was found is good.
        """
        self._find_out, self._courtesy, self._good_for_s = find_out, courtesy, good_for_s
        self._known: T | None = None
        self._began: float | None = None
        self._thread: Thread | None = None
        self._lock = Lock()
        self._waited = False

    def get(self) -> T | None:
        """Return what is known; None as long as nothing is. Only the first page waits a moment for it."""
        thread = self._started()
        if self._known is None and thread and not self._waited:
            self._waited = True
            with self._courtesy.waits():
                thread.join(_PATIENCE_S)
        return self._known

    def wait(self) -> T | None:
        """Return what is known once it was found out."""
        thread = self._started()
        if thread:
            thread.join()
        return self._known

    def begin(self) -> None:
        """Begin to find it out, before anybody asks."""
        self._started()

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
            self._known = self._find_out(Pace(self._courtesy))
        except OSError as error:
            _log.warning("cannot be read", extra={"path": error.filename, "reason": error.strerror or str(error)})
