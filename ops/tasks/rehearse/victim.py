"""A task of a rehearsal as a process of its own, which kills itself at a step as `kill -9` would, or has another clock."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from ops.stack.stack import Stack
from ops.tasks.backup.run import back_up
from ops.tasks.rehearse.world import collection_of, live_of, make_snapshot

# The steps of each task. Those that a task takes several times kill it at the first.
STEPS = {
    "gc": (
        *("listed", "marked", "noted", "read-only-on", "drained", "sweeping", "swept", "flushed"),
        *("read-only-off", "done", "verified"),
    ),
    "restore": ("planned", "copied", "read-only-on", "drained", "restoring", "restored", "flushed", "read-only-off"),
    "backup": ("connected", "listed", "linked", "sent"),
    "sync": ("told-1", "told-2"),  # when it has looked, and when it has copied something
}


def _die_at(step: str) -> Callable[[str], None]:
    def die(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def _main(root: str, cache: str, task: str, step: str = "", *more: str) -> None:
    stack, die = Stack(Path(root)), _die_at(step)
    live = live_of(stack, die, cache)
    if task == "gc":
        collection_of(live).run()
    elif task == "restore":
        snapshot, repository = more
        restore(live, snapshot, RestoreScope(repository, overwrite=True))
    elif task == "snapshot":
        make_snapshot(live)
    elif task == "sync":
        from ops.tasks.rehearse.mirroring import mirror_repository  # noqa: PLC0415  # few victims need it

        told = itertools.count(1)
        mirror_repository(stack, more[0], lambda _: die(f"told-{next(told)}"))
    else:
        back_up(stack, die)


if __name__ == "__main__":
    _main(*sys.argv[1:])
