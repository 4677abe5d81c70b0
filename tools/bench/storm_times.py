"""Garbage collection of a whole stack while docker, skopeo, crane and podman push: errors of clients, and the longest write."""

from __future__ import annotations

from pathlib import Path

from tests.engine.stacks import new_stack
from tests.engine.storm import SETTINGS, weather
from tools.bench.report import Row

_BLOBS = 100_000


def measure(folder: Path) -> list[Row]:
    """Let a push storm blow over a stack whose garbage is collected meanwhile.

    Args:
        folder: Where the stack and the clients keep their things.
    """
    with new_stack(folder, SETTINGS) as stack:
        stack.outputs = stack.open().up(stream=False)
        met = weather(stack, folder, _BLOBS)
    assert not met.broken, met.broken  # noqa: S101  # else no figure counts
    pushes = ", ".join(f"{name} {count}" for name, count in met.pushes.items())
    collected = f"{met.report['removed_blobs']:,} blobs removed in {met.report['slices']} slices"
    at = f"{_BLOBS:,} blobs, limits in force"
    errors = len(met.failed) + len(met.refused)
    return [
        Row(f"errors of clients in a push storm, {at}", f"pushes: {pushes}; {collected}", "0", errors, ""),
        Row(f"writes are held at most in the storm, {at}", "", "≤ 2 s", met.report["held_s"], "s"),
        Row(f"the longest write in the storm, {at}", "clients and services on the same cores", "", met.longest_s, "s"),
    ]
