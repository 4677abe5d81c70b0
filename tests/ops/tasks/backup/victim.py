"""A backup or a prune as a process of its own, which kills itself at a step, as `kill -9` from outside would."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.process import Completed, run
from ops.stack.stack import Stack
from ops.tasks.backup.run import back_up
from ops.tasks.prune.run import prune


def kill_at(step: str, root: Path, *, prune_at: datetime | None = None) -> None:
    """Back up a stack, or prune its backups as of a time, in a process that is killed at a step."""
    words = [sys.executable, "-m", "tests.ops.tasks.backup.victim", str(root), step]
    done: Completed = run([*words, *([prune_at.isoformat()] if prune_at else [])], timeout=60, cwd=PROJECT_FOLDER, check=False)
    assert done.returncode == -signal.SIGKILL, done


def _main(root: Path, step: str, *prune_at: str) -> None:
    def die(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    if prune_at:
        prune(Stack(root), die, now=datetime.fromisoformat(*prune_at))
    else:
        back_up(Stack(root), die)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *sys.argv[2:])
