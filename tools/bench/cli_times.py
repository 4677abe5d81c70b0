"""How long `regops --help` takes."""

from __future__ import annotations

import statistics
import sys
import time

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from tools.bench.report import Row

_RUNS = 11


def measure() -> list[Row]:
    """Ask for help several times."""
    taken = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run([sys.executable, "-m", "ops.cli", "--help"], timeout=30, cwd=PROJECT_FOLDER)
        taken.append(time.perf_counter() - start)
    return [Row("`regops --help`", f"{min(taken):.2f} … {max(taken):.2f} s", "≤ 0.3 s", statistics.median(taken), "s")]
