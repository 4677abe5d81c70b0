"""`regops`, as somebody types it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from ops.core.process import Completed, run


def regops(root: Path | None, *words: str | Path, limit_s: float = 60, environment: Mapping[str, str] | None = None) -> Completed:
    """Run `regops`, and return how it ended.

    Args:
        root: The stack's folder; None for none.
        words: The verb, and its arguments.
        limit_s: For how long it may run.
        environment: All of its environment; None for this process's.
    """
    options: list[str | Path] = ["--root", root] if root else []
    command: list[str | Path] = [sys.executable, "-m", "ops.cli", *options, *words]
    return run(command, timeout=limit_s, cwd=PROJECT_FOLDER, check=False, env=environment)
