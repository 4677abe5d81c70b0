"""Progress of what takes long: lines in a log, and on a terminal one line that counts, also for several things at once."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_REFRESH_S = 1.0
_ERASE = "\r\x1b[K"
# Whether this thread is already inside a progress: the outer line covers everything in it.
_within: ContextVar[bool] = ContextVar("within", default=False)


class _Board:
    """Everything that is running in this process, and the terminal line that shows it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running: dict[int, tuple[str, float]] = {}
        self._over: threading.Event | None = None
        self._drawn = False
        self._remaining: Callable[[], float | None] | None = None

    def say(self, line: str) -> None:
        """Write a line above the one that counts."""
        with self._lock:
            self._erase()
            _write(f"{line}\n")
            self._draw()

    def begin(self, what: str) -> int:
        """Show that something has started; return its number."""
        with self._lock:
            number = max(self._running, default=0) + 1
            self._running[number] = (what, time.monotonic())
            if not sys.stderr.isatty():
                _write(f"{what} …\n")
            elif self._over is None:
                self._over = threading.Event()
                threading.Thread(target=self._count, args=(self._over,), daemon=True).start()
            return number

    def end(self, number: int, ending: str) -> None:
        """Show how something ended."""
        with self._lock:
            what, start = self._running.pop(number)
            self.say(f"{what} … {time.monotonic() - start:.0f} s, {ending}")
            if self._over and not self._running:
                self._over.set()
                self._over = None

    @contextmanager
    def estimated(self, remaining: Callable[[], float | None]) -> Iterator[None]:
        """Show the time left while the block runs, as far as `remaining` knows it."""
        outer = self._remaining
        self._remaining = self._remaining or remaining
        try:
            yield
        finally:
            self._remaining = outer

    def line(self) -> str:
        """Return what is running with its seconds, and the time left for everything."""
        with self._lock:
            now = time.monotonic()
            parts = [f"{what} … {now - start:.0f} s" for what, start in self._running.values()]
            left = self._remaining() if self._remaining else None
        return " | ".join(parts) + (f" | {about(left)} left" if left is not None else "")

    def _count(self, over: threading.Event) -> None:
        while not over.wait(_REFRESH_S):
            with self._lock:
                self._erase()
                self._draw()

    def _draw(self) -> None:
        if self._running and sys.stderr.isatty():
            # A line that wraps cannot be erased.
            _write(f"\r{self.line()[: shutil.get_terminal_size().columns - 1]}")
            self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            _write(_ERASE)
            self._drawn = False


_board = _Board()


def say(line: str) -> None:
    """Write a line to standard error, which people read and programs do not."""
    _board.say(line)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show `what` with the elapsed seconds while the block runs: a line that counts on a terminal, two lines in a log.

    Inside another progress of the same thread nothing is shown: the outer line covers it.
    """
    if _within.get():
        yield
        return
    token = _within.set(True)
    number = _board.begin(what)
    ending = "failed"
    try:
        yield
        ending = "done"
    finally:
        _board.end(number, ending)
        _within.reset(token)


@contextmanager
def time_left(remaining: Callable[[], float | None]) -> Iterator[None]:
    """Show the time left beside what is running: the seconds that `remaining` returns, nothing if it returns None."""
    with _board.estimated(remaining):
        yield


def about(seconds: float) -> str:
    """Return a rough duration in words."""
    if seconds < 60:  # noqa: PLR2004
        return "less than a minute"
    return f"about {round(seconds / 60)} min"


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
