"""A collection or a restore as a process of its own, which kills itself at a step, as `kill -9` from outside would."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import Completed, run
from ops.registry.cache import NoCache
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, WritesInFlight
from ops.registry.restore import run as restoring
from ops.registry.restore.model import RestoreScope
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.tasks.gc import sweep
from ops.tasks.gc.collection import GarbageCollection
from ops.tasks.gc.model import Rules, SafetyLimits

CHECKOUT = Path(__file__).parents[4]
# Of steps that are taken many times: when some, but not all is done.
_MIDST = 4


def kill_at(step: str, folder: Path, task: str, *, snapshot: str = "-") -> None:
    """Run a task on the registry of a folder, in a process that is killed at a step."""
    words = [sys.executable, "-m", "tests.ops.tasks.gc.victim", str(folder), task, step, snapshot]
    done: Completed = run(words, timeout=60, cwd=CHECKOUT, check=False)
    assert done.returncode == -signal.SIGKILL, done


def _main(folder: Path, task: str, step: str, snapshot: str) -> None:
    left = _MIDST if step in {"sweeping", "restoring"} else 1

    def die(now: str) -> None:
        nonlocal left
        left -= now == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    sweep._EVERY = restoring._EVERY = 1
    tree = RegistryTree(folder / "registry")
    store = SnapshotStore(folder / "snapshots", tree)
    live = LiveRegistry(
        tree, store, ReadOnlyMode(folder / READ_ONLY_FOLDER / READ_ONLY_FILE), WritesInFlight, NoCache(), step=die
    )
    if task == "gc":
        limits = SafetyLimits(max_share=1, max_backup_age_s=None)
        GarbageCollection(live, Rules(min_age_s=0), limits).run()
    else:
        restoring.restore(live, snapshot, RestoreScope(overwrite=True))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
