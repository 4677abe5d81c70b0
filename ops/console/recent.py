"""Remembers for seconds what takes long to find out, so that leafing through a list finds it out once."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
GOOD_FOR_S = 5.0
_KEPT = 4


class Recent(Generic[T]):
    """What was found out in the last seconds, by what was asked for."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, T]] = {}
        self._lock = Lock()

    def get(self, key: str, find_out: Callable[[str], T]) -> T:
        """Return what is known, or find it out."""
        now = time.monotonic()
        with self._lock:
            known = {one: value for one, value in self._known.items() if now - value[0] < GOOD_FOR_S}
            if key in known:
                return known[key][1]
            found = find_out(key)
            self._known = dict([*known.items(), (key, (time.monotonic(), found))][-_KEPT:])
            return found
