"""How long copies take, by what former ones took and what upstream grants."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.tasks.sync.eta import Eta, Speed, eta_of, speed_of
from ops.tasks.sync.state import MirrorState
from ops.upstream.budget import Budget

SPEED = Speed(100e6, 10.0)
WINDOW = 21600


@pytest.mark.parametrize(
    ("pulls", "budget", "expected"),
    [
        (90, None, Eta(5.0)),
        (80, Budget(100, 100, WINDOW), Eta(5.0)),
        (81, Budget(100, 100, WINDOW), Eta(WINDOW + 5.0, 1)),
        (30, Budget(100, 10, WINDOW), Eta(WINDOW + 5.0, 1)),
        (161, Budget(100, 20, WINDOW), Eta(3 * WINDOW + 5.0, 3)),
        (1, Budget(20, 20, WINDOW), None),
    ],
)
def test_pulls_that_are_not_granted_now_are_waited_for(pulls: int, budget: Budget | None, expected: Eta | None) -> None:
    assert eta_of(50_000_000, pulls, budget, 20, SPEED) == expected


def test_without_any_copy_before_nobody_knows() -> None:
    assert eta_of(1, 1, None, 0, None) is None
    assert speed_of({}, "quay.io") is None
    speeds = {"quay.io": SPEED, "ghcr.io": Speed(20e6, 20.0)}
    assert speed_of(speeds, "quay.io") == SPEED
    assert speed_of(speeds, "docker.io") == Speed(120e6, 30.0), "the others were as fast as that"


def test_what_was_copied_lately_counts_for_more(tmp_path: Path) -> None:
    state = MirrorState(tmp_path / "mirror.db")
    state.measured("quay.io", 4000, 2000.0)
    state.measured("quay.io", 100, 10.0)
    assert state.speeds() == {"quay.io": Speed(2100, 1010.0)}
    state.measured("quay.io", 100, 10.0)
    assert state.speeds() == {"quay.io": Speed(2200, 1020.0)}
    state.close()
