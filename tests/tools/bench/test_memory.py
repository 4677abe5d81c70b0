"""The memory of a process is its own, and not what the one had that has started it."""

from __future__ import annotations

import sys

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from tools.bench.memory import peak_kib


def test_what_the_one_before_had_does_not_count() -> None:
    ballast = bytearray(400_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert peak_kib() > 400_000_000 / 1024
    command = "from tools.bench.memory import peak_kib; print(peak_kib())"
    assert int(run([sys.executable, "-c", command], cwd=PROJECT_FOLDER, timeout=60).stdout) < 100_000_000 / 1024
