"""Work that takes a while, beside the screen: in threads that nobody waits for when the program ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from textual.screen import Screen

_T = TypeVar("_T")


class Latest:
    """Does work of which only what was begun last is told."""

    def __init__(self, screen: Screen[Any], *, alone: bool = False) -> None:
        """Say for whom.

        Args:
            screen: The screen that is told, as long as it is there.
            alone: Whether work waits for that before it, of which all but the last is left out.
        """
        self._screen, self._alone = screen, alone
        self._number = 0
        self._busy = False
        self._next: Callable[[], None] | None = None

    def start(self, work: Callable[[], _T], done: Callable[[_T], object], failed: Callable[[Exception], object]) -> None:
        """Begin work, and forget what was begun before.

        Args:
            work: Runs in a thread of its own.
            done: Told what it found, on the screen's thread.
            failed: Told why it found nothing, likewise.
        """
        self._number += 1
        number, tell_later = self._number, self._screen.app.call_later

        def told(tell: Callable[[], object]) -> None:
            self._busy, next_, self._next = False, self._next, None
            if next_:
                next_()
            if number == self._number and self._screen.is_attached:
                tell()

        def run() -> None:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001  # it is shown
                tell = partial(failed, error)
            else:
                tell = partial(done, found)
            # Nobody is there any more to be told if the program has ended meanwhile.
            with contextlib.suppress(RuntimeError):
                tell_later(told, tell)

        def begin() -> None:
            self._busy = True
            threading.Thread(target=run, daemon=True, name="catalogue-ui").start()

        if self._alone and self._busy:
            self._next = begin
        else:
            begin()

    def forget(self) -> None:
        """Forget what was begun."""
        self._number += 1
