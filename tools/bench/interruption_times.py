"""How long clients can neither pull nor push while each kind of change is made."""

from __future__ import annotations

from tests.engine.changes import measured
from tests.engine.stacks import TestStack
from tools.bench.report import Row

TITLE = "Changes: seconds in which nothing worked, for a client that pulls and pushes without a break"


def measure(stack: TestStack) -> list[Row]:
    """Bring a stack up and change it.

    Args:
        stack: Is not up yet.
    """
    rows = []
    for one in measured(stack, stack.open().up(stream=False)):
        count = len(one.errors)
        refused = f", {count} request{'s' if count > 1 else ''} refused" if count else ""
        detail = f"pulls {one.pull_s:.1f} s, pushes {one.push_s:.1f} s{refused}"
        # Below one second nobody can tell it from a busy machine.
        goal = f"≤ {one.change.goal_s:g} s" if one.change.goal_s > 1 else f"0 (< {one.change.goal_s:g} s)"
        rows.append(Row(one.change.what, detail, goal, max(one.pull_s, one.push_s), "s"))
    return rows
