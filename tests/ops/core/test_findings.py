"""What checks find, together: the exit code and the line that stand for all."""

from __future__ import annotations

import pytest

from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check, Findings

WELL, TOLD = Check("disk", OK, "3 GiB are free"), Check("clock", WARNING, "nobody has set it", "set it")
AWAY, FULL = Check("answers", FAILED, "no route", "look", 13), Check("disk", FAILED, "full", "free some", 14)


@pytest.mark.parametrize(
    ("checks", "exit_code", "summary"),
    [
        ([], 0, "all is well"),
        ([WELL, Check("push", SKIPPED, "not tried")], 0, "all is well"),
        ([WELL, TOLD], 3, "clock: nobody has set it"),
        ([TOLD, AWAY, FULL], 13, "answers: no route (and 1 more)"),
    ],
)
def test_the_worst_counts(checks: list[Check], exit_code: int, summary: str) -> None:
    findings = Findings(checks)
    assert (findings.exit_code, findings.summary) == (exit_code, summary)
    assert findings.document()["exit_code"] == exit_code
