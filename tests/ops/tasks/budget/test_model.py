"""The report of the error budget: its sums, its document, and its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.registry.holds import Hold
from ops.stack.budget import WINDOW_S, Standing
from ops.tasks.budget.model import Incident, Report, lines_of

UNTIL = datetime(2026, 11, 29, 19, 45, tzinfo=UTC).timestamp()
HOLDS = (Hold("gc", UNTIL - 600, 0.9, 10), Hold("restore", UNTIL - 300, 80.0, 500))


def report(failed: int = 82, probes: int = 86_000, holds: tuple[Hold, ...] = HOLDS) -> Report:
    standing = Standing(WINDOW_S, probes, failed, holds)
    found = [Incident(UNTIL - 86_400, failed, ["gc ran (7)", "edge started again"])] if failed else []
    return Report("the last 30 days", UNTIL - WINDOW_S, UNTIL, standing, found)


def test_the_sums() -> None:
    standing = report().standing
    assert standing
    assert [standing.allowed_s, standing.spent_s, standing.left_s] == pytest.approx([12_960, 2460, 10_500])
    assert [standing.held_s, standing.refused_s] == pytest.approx([80.9, 60])
    assert standing.left_for_maintenance_s == pytest.approx(10_440)


def test_as_text() -> None:
    assert "\n".join(lines_of(report())) == (
        "the last 30 days, since 2026-10-30 19:45Z: 99.5% of the probes of the registry have to succeed\n"
        "measured   by 86000 probes, one each 30 s\n"
        "spent      41 minutes of 3 hours and 36 minutes, by 1 incident\n"
        "           2026-11-28 19:45Z  41 minutes: gc ran (7); edge started again\n"
        "left       2 hours and 55 minutes, 81% of it\n"
        "apart      writes waited for maintenance for 1 minute and 21 seconds in all, and new ones were refused for 1 minute "
        "of it; pulls went on"
    )


def test_one_that_is_overspent_is_a_warning() -> None:
    over = report(failed=500)
    assert over.exit_code == 3
    assert over.standing
    assert over.standing.left_for_maintenance_s == 0
    assert "left       nothing: it is overspent by 34 minutes" in lines_of(over)


def test_all_well_and_young() -> None:
    young = report(failed=0, probes=240, holds=())
    assert young.exit_code == 0
    lines = list(lines_of(young))
    assert lines[1].endswith("only 0.28% of that time; what is not measured counts as neither good nor bad")
    assert lines[2] == "spent      0 seconds of 3 hours and 36 minutes: no probe has failed"
    assert lines[-1] == "apart      no task has held writes for maintenance"
    assert "nothing yet" in list(lines_of(report(failed=0, probes=0)))[1]


def test_what_only_waited_was_refused_to_nobody() -> None:
    assert list(lines_of(report(holds=HOLDS[:1])))[-1] == (
        "apart      writes waited for maintenance for 1 second in all, and none was refused; pulls went on"
    )


def test_as_a_document() -> None:
    assert report().document() == {
        "what": "the last 30 days",
        "since": "2026-10-30T19:45:00+00:00",
        "until": "2026-11-29T19:45:00+00:00",
        "objective": 0.995,
        "unknown": None,
        "probes": 86_000,
        "failed_probes": 82,
        "measured_share": 0.9954,
        "allowed_seconds": 12_960,
        "spent_seconds": 2460,
        "left_seconds": 10_500,
        "writes_held_seconds": 80.9,
        "writes_refused_seconds": 60.0,
        "left_for_maintenance_seconds": 10_440,
        "incidents": [
            {"began": "2026-11-28T19:45:00+00:00", "seconds": 2460, "causes": ["gc ran (7)", "edge started again"]},
        ],
    }


def test_what_is_not_known_is_said() -> None:
    unknown = Report("November 2026", UNTIL - WINDOW_S, UNTIL, None, unknown="nothing probes this registry")
    assert unknown.exit_code == 13
    assert list(lines_of(unknown))[1:] == ["unknown    nothing probes this registry"]
    assert unknown.document()["unknown"] == "nothing probes this registry"
    assert "left_seconds" not in unknown.document()
