"""How long the stack takes to come up, to update unchanged, and to preview."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.engine.stacks import TestStack
from tools.bench.report import Row

_RUNS = 5


def first_up(stack: TestStack) -> Row:
    """Create the stack; everything that can be cached is."""
    took = _seconds(lambda: stack.open().up(stream=False))
    return Row("first `make up`, caches warm", f"{len(stack.containers())} services healthy", "", took, "s")


def warm(stack: TestStack) -> list[Row]:
    """Run `up` and `preview` on an unchanged stack."""
    up = [_seconds(lambda: stack.open().up(stream=False)) for _ in range(_RUNS)]
    session = stack.open()
    preview = [_seconds(session.stack.preview) for _ in range(_RUNS)]
    return [
        Row("second `make up`, nothing changed", _spread(up), "< 15 s", statistics.median(up), "s"),
        Row("`pulumi preview`, nothing changed", _spread(preview), "≤ 3 s", statistics.median(preview), "s"),
    ]


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _spread(values: list[float]) -> str:
    return f"{min(values):.1f} … {max(values):.1f} s"
