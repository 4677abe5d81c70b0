"""`regops`, as somebody types it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ops.core.process import Completed
from tests.warm_start import run_warm


def regops(
    root: Path | None,
    *words: str | Path,
    limit_s: float = 60,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Completed:
    """Run `regops`, and return how it ended.

    Args:
        root: The stack's folder; None for none.
        words: The verb, and its arguments.
        limit_s: For how long it may run.
        environment: All of its environment; None for this process's.
        stdin: What it reads; None for nothing.
    """
    options: list[str | Path] = ["--root", root] if root else []
    given = os.environ if environment is None else environment
    return run_warm("regops", [str(word) for word in (*options, *words)], given, limit_s, stdin=stdin)
