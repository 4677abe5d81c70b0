"""The running registry, for tasks that change its tree: snapshots, read-only mode, the cache."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ops.registry.cache import Cache
from ops.registry.read_only import ReadOnlyMode, WritesInFlight, drain
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree

# A pull may have found a file just before it was deleted, and add it to the cache after a flush.
_SETTLE_S = 0.1


def _no_hook(_: str) -> None:
    """Do nothing between steps."""


def _no_limit(_: int) -> None:
    """Let writes be held for as long as it takes."""


@dataclass(frozen=True)
class LiveRegistry:
    """A registry that keeps serving pulls.

    Attributes:
        tree: Its tree.
        store: Its snapshots.
        read_only: Its read-only mode.
        writes_in_flight: Returns which requests in flight may be writes (`ops.registry.read_only.writes_in_flight`).
        cache: Its cache.
        asked_for: Returns the digests of blobs that clients have lately been told are there: they may be about to push a
            manifest that relies on it.
        drain_limit_s: How long to wait for writes in flight.
        image: Digest of its image, recorded with snapshots.
        may_hold: Called, before writes are held, with the number of files that will be put back meanwhile: it raises when that
            would take too long.
        step: Called after each step with the step's name: for progress, and for tests that kill the process there.
    """

    tree: RegistryTree
    store: SnapshotStore
    read_only: ReadOnlyMode
    writes_in_flight: Callable[[], WritesInFlight]
    cache: Cache
    asked_for: Callable[[], Collection[str]] = frozenset
    drain_limit_s: float = 30.0
    image: str = ""
    may_hold: Callable[[int], None] = _no_limit
    step: Callable[[str], None] = _no_hook

    def drain(self, limit_s: float | None = None) -> None:
        """Wait until no writes are in flight.

        Args:
            limit_s: How long; None for `drain_limit_s`.

        Raises:
            ReadOnlyModeError: Some do not finish in time.
        """
        drain(self.writes_in_flight, self.drain_limit_s if limit_s is None else limit_s)

    def flush(self) -> None:
        """Empty the cache for good."""
        self.cache.flush()
        time.sleep(_SETTLE_S)
        self.cache.flush()

    @contextlib.contextmanager
    def writes_held(self, by: str, reason: str, *, drain_limit_s: float | None = None) -> Iterator[None]:
        """Turn on read-only mode, wait for writes in flight, and turn it off at the end, whatever happens.

        Meanwhile writes wait at the edge, for a while.

        Args:
            by: The task.
            reason: Why, for those who ask.
            drain_limit_s: How long to wait for writes in flight; None for the registry's own limit.

        Raises:
            ReadOnlyModeError: It cannot be turned on, or writes in flight do not finish in time.
        """
        self.cache.check()
        self.read_only.turn_on(by, reason)
        try:
            self.step("read-only-on")
            self.drain(drain_limit_s)
            self.step("drained")
            yield
        finally:
            self.read_only.turn_off()
        self.step("read-only-off")
