"""What a rehearsal works on: a registry that nobody else uses, and the stack that it seems to belong to."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, REGOPS_FILE, BackupSettings, RegopsConfig, render
from ops.core.layout import CURRENT
from ops.core.process import Completed, run
from ops.registry.cache import NoCache
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
from ops.tasks.rehearse.client import Client

_NAME = "rehearsal"
# https://github.com/wolfcw/libfaketime: the times of files are those that they have.
_CLOCK, _ONLY_NOW = "faketime", {"NO_FAKE_STAT": "1"}
_KEPT, _YEAR = 6, timedelta(days=365)
# What a collection itself has put back, of one that was killed, is younger than that collection: zero would keep it.
_NO_AGE_S = -3600.0
_VICTIM_LIMIT_S, _START_LIMIT_S, _PAUSE_S = 300.0, 60.0, 0.05


def _no_hook(_: str) -> None:
    """Do nothing between steps."""


@dataclass
class World:
    """What a rehearsal works on.

    Attributes:
        stack: The stack: a folder that nothing else uses.
        url: Where its registry is.
        kill: Kills the registry, as `kill -9` does.
        start: Starts it again, and returns where it is now.
        disk: A folder on the small file system that the stack is on, which a rehearsal may fill; None if it may not.
        backups: Whether there is restic, and room for backups.
    """

    stack: Stack
    url: str
    kill: Callable[[], None]
    start: Callable[[], str]
    disk: Path | None = None
    backups: bool = True
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
        return live_of(self.stack, step)

    def restarted(self) -> None:
        """Kill the registry, and start it again."""
        self.kill()
        self.client.close()
        self.client = Client(self.start())
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
        victim = [sys.executable, "-m", "ops.tasks.rehearse.victim", str(self.stack.root), *words]
        return run([_CLOCK, "-f", clock, *victim] if clock else victim, timeout=_VICTIM_LIMIT_S, env=environment, check=False)

    def close(self) -> None:
        """Close connections."""
        self.client.close()


def live_of(stack: Stack, step: Callable[[str], None]) -> LiveRegistry:
    """Return a registry that nobody but a rehearsal writes to, as tasks meet it."""
    tree = tree_of(stack)
    mode = ReadOnlyMode(stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE)
    return LiveRegistry(
        tree, SnapshotStore(stack.root / stack.config.snapshots, tree), mode, WritesInFlight, NoCache(), step=step
    )


def collection_of(live: LiveRegistry) -> GarbageCollection:
    """Return a collection of everything that nothing references, however young it is."""
    return GarbageCollection(live, Rules(min_age_s=_NO_AGE_S), SafetyLimits(max_share=1, max_backup_age_s=None))


def make_snapshot(live: LiveRegistry) -> list[str]:
    """Make a snapshot, then delete the oldest ones; return the names of those."""
    with live.store.locked(_NAME):
        roll_back(live, _NAME)
        listing = listing_of(live.tree)
        heal(live.store, listing)
        live.store.create("snapshot", index_of(listing))
        return live.store.drop_expired(keep=_KEPT, max_age=_YEAR)


def make_stack(root: Path, url: str) -> Stack:
    """Return a stack in a folder: its registry's tree is `registry`, its backups are in `target`.

    Args:
        root: The folder; the tree may be there.
        url: Where its registry is.
    """
    config = RegopsConfig(
        stack=_NAME,
        url=url,
        data="data/regops",
        registry_data="registry",
        snapshots="snapshots",
        backup=BackupSettings(target=str(root / "target")),
    )
    for folder in ("registry", "data/regops", READ_ONLY_FOLDER, f"{CURRENT}/{Path(REGOPS_FILE).parent}"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / CURRENT / REGOPS_FILE).write_text(render(config))
    return Stack(root)


def files_of(tree: RegistryTree) -> set[str]:
    """Return the digests of all blobs that a tree has, as plain files: not by the code that is rehearsed."""
    return {f"{data.parents[2].name}:{data.parent.name}" for data in tree.blobs.glob("*/*/*/data")}
