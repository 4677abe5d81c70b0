"""The running registry as a task meets it that changes its tree: snapshots, the gate, the cache."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.registry.read_only import Gate, drain
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree

# A pull may have looked a file up before it went, and tell the cache after a flush.
_SETTLE_S = 0.1


def _no_hook(_: str) -> None:
    """Do nothing between steps."""


@dataclass(frozen=True)
class LiveRegistry:
    """A registry that goes on serving pulls.

    Attributes:
        tree: Its tree.
        store: The snapshots of that.
        gate: By which its writes are refused.
        writes_in_flight: Tells how many requests that may write are under way (`ops.registry.read_only.writes_in_flight`).
        flush_cache: Empties its cache; raises when it cannot.
        drain_limit_s: For how long writes under way are waited for.
        image: Digest of its image, kept with snapshots.
        step: Called after each step with the step's name: for progress, and for tests that end the process there.
    """

    tree: RegistryTree
    store: SnapshotStore
    gate: Gate
    writes_in_flight: Callable[[], int]
    flush_cache: Callable[[], None]
    drain_limit_s: float = 30.0
    image: str = ""
    step: Callable[[str], None] = _no_hook

    def drain(self) -> None:
        """Wait until no write is under way.

        Raises:
            GateError: Some do not end.
        """
        drain(self.writes_in_flight, self.drain_limit_s)

    def flush(self) -> None:
        """Empty the cache for good: it would tell of files that are gone, and the registry would believe it.

        https://github.com/distribution/distribution/issues/2945
        """
        self.flush_cache()
        time.sleep(_SETTLE_S)
        self.flush_cache()

    @contextlib.contextmanager
    def writes_refused(self, by: str, reason: str) -> Iterator[None]:
        """Refuse writes, wait for those under way, and let them through again at the end, whatever happens.

        Raises:
            GateError: Writes cannot be refused, or do not end.
        """
        self.gate.raise_(by, reason)
        try:
            self.step("gate-raised")
            self.drain()
            self.step("drained")
            yield
        finally:
            self.gate.lower()
        self.step("gate-lowered")
