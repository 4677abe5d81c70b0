"""Tells of the steps of a proof, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.progress import say


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what begins, and how long it took once it has ended well."""
    say(f"== {what}")
    start = time.monotonic()
    yield
    say(f"== {what}: {time.monotonic() - start:.1f} s")
