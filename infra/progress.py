"""One line on the terminal that says what takes time, and for how long already."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_REFRESH_S = 1.0
_shown = threading.Lock()


def say(line: str) -> None:
    """Write a line to standard error, which people read and programs do not."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show `what` with the elapsed seconds while the block runs: a line that counts on a terminal, two lines in a log.

    Within another progress nothing is shown: the outer line stands for all that it takes.
    """
    if not _shown.acquire(blocking=False):
        yield
        return
    start = time.monotonic()

    def line(ending: str) -> str:
        return f"{what} … {time.monotonic() - start:.0f} s{ending}"

    over = threading.Event()

    def count() -> None:
        while not over.wait(_REFRESH_S):
            sys.stderr.write(f"\r{line('')}")
            sys.stderr.flush()

    counter = threading.Thread(target=count, daemon=True)
    terminal = sys.stderr.isatty()
    if terminal:
        counter.start()
    else:
        say(f"{what} …")
    ending = ", failed"
    try:
        yield
        ending = ", done"
    finally:
        over.set()
        if terminal:
            counter.join()
        say(f"\r{line(ending)}" if terminal else line(ending))
        _shown.release()
