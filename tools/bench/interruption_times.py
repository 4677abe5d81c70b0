"""How long clients can neither pull nor push while each kind of change is made."""

from __future__ import annotations

from tests.engine.changes import measured
from tests.engine.stacks import TestStack
from tools.bench.report import Row

TITLE = "Changes, seen by a client that pulls and pushes without a break"


def measure(stack: TestStack) -> list[Row]:
    """Bring a stack up and change it.

    Args:
        stack: Is not up yet.
    """
    rows = []
    for one in measured(stack, stack.open().up(stream=False)):
        refused = f", {len(one.errors)} requests refused" if one.errors else ""
        detail = f"pushes {one.push_s:.1f} s{refused}"
        rows.append(Row(f"{one.change.what}: without pulls", detail, f"≤ {one.change.goal_s:g} s", one.pull_s, "s"))
    return rows
