"""What a rehearsal works on: a registry that nobody else uses, the stack that it seems to belong to, and what is around it."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, REGOPS_FILE, BackupSettings, RegopsConfig, render
from ops.core.layout import CURRENT
from ops.core.process import Completed, run
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.snapshots.recovery import heal, roll_back
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.transport import RegistryError
from ops.registry.tree import RegistryTree
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits
from ops.tasks.rehearse.cache import cache_at
from ops.tasks.rehearse.client import Client

if TYPE_CHECKING:  # what is killed in a process of its own starts sooner without it
    from ops.tasks.rehearse.relay import Relay

_NAME = "rehearsal"
# https://github.com/wolfcw/libfaketime: the times of files are those that they have.
_CLOCK, _ONLY_NOW = "faketime", {"NO_FAKE_STAT": "1"}
_KEPT, _YEAR = 6, timedelta(days=365)
# What a collection itself has put back, of one that was killed, is younger than that collection: zero would keep it.
_NO_AGE_S = -3600.0
_VICTIM_LIMIT_S, _START_LIMIT_S, _PAUSE_S = 300.0, 60.0, 0.05


def _no_hook(_: str) -> None:
    """Do nothing between steps."""


@dataclass(frozen=True)
class CacheServer:
    """The Redis that the registry has as its cache.

    Attributes:
        address: Its host and port.
        kill: Kills it, as `kill -9` does: it forgets everything.
        start: Starts it again at the same address; it answers when this returns.
    """

    address: str
    kill: Callable[[], None]
    start: Callable[[], None]


@dataclass(frozen=True)
class Upstream:
    """A registry that the stack mirrors from.

    Attributes:
        client: A client of it.
        line: The line to it, by whose address the catalogue names it.
    """

    client: Client
    line: Relay


@dataclass(frozen=True)
class Receiver:
    """A service that takes the stack's messages.

    Attributes:
        line: The line to it.
        titles: Returns the titles of all messages that it has taken, in their order.
    """

    line: Relay
    titles: Callable[[], Sequence[str]]


@dataclass
class World:
    """What a rehearsal works on. What is None is not there, and nothing is done that needs it.

    Attributes:
        stack: The stack: a folder that nothing else uses.
        url: Where its registry is.
        kill: Kills the registry, as `kill -9` does.
        start: Starts it again, and returns where it is now.
        line: A line to the registry beside that, which stays where it is.
        disk: A folder on the small file system that the stack is on, which a rehearsal may fill.
        backups: Whether there is restic, and room for backups.
        box: The line to where the backups are.
        cache: The registry's cache.
        upstream: What the stack mirrors from.
        receiver: What takes the stack's messages.
        before: Runs a task as the version before did it: `gc`, `snapshot` or `backup`; returns how it ended.
    """

    stack: Stack
    url: str
    kill: Callable[[], None]
    start: Callable[[], str]
    line: Relay | None = None
    disk: Path | None = None
    backups: bool = True
    box: Relay | None = None
    cache: CacheServer | None = None
    upstream: Upstream | None = None
    receiver: Receiver | None = None
    before: Callable[[str], Completed] | None = None
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        """Make a client."""
        self.client = Client(self.url)

    @property
    def read_only_file(self) -> Path:
        """The file of read-only mode."""
        return self.stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE

    def live(self, step: Callable[[str], None] = _no_hook) -> LiveRegistry:
        """Return the registry as tasks meet it."""
        return live_of(self.stack, step, self._cache)

    @property
    def _cache(self) -> str:
        return self.cache.address if self.cache else ""

    def restarted(self) -> None:
        """Kill the registry, and start it again."""
        self.kill()
        self.client.close()
        url = self.start()
        self.client = Client(url)
        if self.line:
            self.line.to = urlsplit(url).netloc
        self.await_start()

    def await_start(self) -> None:
        """Wait until the registry answers.

        Raises:
            RegistryError: It does not.
        """
        give_up = time.monotonic() + _START_LIMIT_S
        while True:
            try:
                if self.client.answers():
                    return
            except RegistryError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(_PAUSE_S)

    @property
    def has_clocks(self) -> bool:
        """Whether a task can be given another clock."""
        return shutil.which(_CLOCK) is not None

    def apart(self, *words: str, clock: str = "") -> Completed:
        """Run `ops.tasks.rehearse.victim`: a task that kills itself at a step, or ends if it never comes to that.

        Args:
            words: The task, the step to die at, and what else it needs.
            clock: How far ahead or behind its clock is: `-3d`; empty for no difference.

        Returns:
            How it ended.
        """
        environment = {**os.environ, **_ONLY_NOW, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        victim = [sys.executable, "-m", "ops.tasks.rehearse.victim", str(self.stack.root), self._cache, *words]
        return run([_CLOCK, "-f", clock, *victim] if clock else victim, timeout=_VICTIM_LIMIT_S, env=environment, check=False)

    def close(self) -> None:
        """Close connections."""
        self.client.close()
        if self.upstream:
            self.upstream.client.close()


def live_of(stack: Stack, step: Callable[[str], None], cache: str) -> LiveRegistry:
    """Return a registry that nobody but a rehearsal writes to, as tasks meet it.

    Args:
        stack: The stack that it belongs to.
        step: Called after each step with the step's name.
        cache: Where its cache is; empty if it has none.
    """
    tree = tree_of(stack)
    mode = ReadOnlyMode(stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE)
    store = SnapshotStore(stack.root / stack.config.snapshots, tree)
    return LiveRegistry(tree, store, mode, WritesInFlight, cache_at(cache), step=step)


def collection_of(live: LiveRegistry, *, max_share: float = 1.0) -> GarbageCollection:
    """Return a collection of everything that nothing references, however young it is.

    Args:
        live: The registry.
        max_share: The share of all blobs above which it refuses.
    """
    return GarbageCollection(live, Rules(min_age_s=_NO_AGE_S), SafetyLimits(max_share=max_share, max_backup_age_s=None))


def make_snapshot(live: LiveRegistry) -> list[str]:
    """Make a snapshot, then delete the oldest ones; return the names of those."""
    with live.store.locked(_NAME):
        roll_back(live, _NAME)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        live.store.create("snapshot", index_of(listing))
        return live.store.drop_expired(keep=_KEPT, max_age=_YEAR)


def make_stack(root: Path, url: str, **settings: Any) -> Stack:
    """Return a stack in a folder: its registry's tree is `registry`, its backups are in `target`.

    Args:
        root: The folder; the tree may be there.
        url: Where its registry is.
        settings: Further ones, or others.
    """
    paths = {"data": "data/regops", "registry_data": "registry", "snapshots": "snapshots"}
    usual = {"backup": BackupSettings(target=str(root / "target"))}
    config = RegopsConfig(stack=f"{_NAME}-{secrets.token_hex(4)}", url=url, **paths, **{**usual, **settings})
    for folder in ("registry", "data/regops", READ_ONLY_FOLDER, f"{CURRENT}/{Path(REGOPS_FILE).parent}"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / CURRENT / REGOPS_FILE).write_text(render(config))
    return Stack(root)


def files_of(tree: RegistryTree) -> set[str]:
    """Return the digests of all blobs that a tree has, as plain files: not by the code that is rehearsed."""
    return {f"{data.parents[2].name}:{data.parent.name}" for data in tree.blobs.glob("*/*/*/data")}
