"""How changes are shown: exact texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from ops.tasks.changes.model import Gap, Kind, Record
from ops.tasks.changes.report import ChangesReport, Detail, line_of
from ops.tasks.changes.views import History, StateAt
from tests.ops.tasks.changes.ledger_samples import A, B, baseline, minutes, record

RECORDS = (
    record(1, "team/app:v1.0.0", A, B, "robot"),
    record(2, "team/app:latest", A, B),
    record(3, "new:1", None, A, "ada"),
    record(4, "old:1", A, None),
)
GAPS = (Gap("", "", "no answer"), Gap("team/ui", "", "503"), Gap("team/app", "v2", "empty"))


def report(records: Sequence[Record] = (), gaps: Sequence[Gap] = (), notices: Sequence[str] = ()) -> ChangesReport:
    state = {"team/app": {"v1.0.0": B, "latest": B}, "new": {"1": A}}
    added, removed = (("new",), ("old",)) if records else ((), ())
    return ChangesReport(records, state, gaps, added, removed, notices, ())


WARNING = (
    "warning: team/app:v1.0.0 is a version tag and moved: sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb by robot"
    " at 2026-11-23 12:01:00 UTC\n"
)
UNKNOWN = "unknown: further repositories: no answer\nunknown: team/ui: 503\nunknown: team/app:v2: empty\n"


def test_in_full() -> None:
    assert report(RECORDS, GAPS, ("a new ledger begins",)).text(Detail.DETAILED) == (
        "note: a new ledger begins\n"
        + WARNING
        + UNKNOWN
        + """\
tags: 1 added, 2 moved, 1 removed; repositories new: 1; repositories gone: 1; unknown: 3; 3 tags in 2 repositories
new (new)
  + 1 sha256:aaaaaaaaaaaa by ada (event, 2026-11-23 12:03:00 UTC)
old (gone)
  - 1 sha256:aaaaaaaaaaaa (scan, 2026-11-23 12:04:00 UTC)
team/app
  ~ latest sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb (scan, 2026-11-23 12:02:00 UTC)
  ~ v1.0.0 sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb by robot (event, 2026-11-23 12:01:00 UTC)
"""
    )


def test_in_a_line() -> None:
    assert report(RECORDS).text() == (
        WARNING + "tags: 1 added, 2 moved, 1 removed; repositories new: 1; repositories gone: 1; 3 tags in 2 repositories\n"
    )
    assert report().text(Detail.SUMMARY) == "nothing changed; 3 tags in 2 repositories\n"


def test_only_what_is_wrong() -> None:
    assert report(RECORDS, GAPS).text(Detail.QUIET) == WARNING + UNKNOWN
    assert report(RECORDS[1:]).text(Detail.QUIET) == ""


def test_the_first_run_alerts_nobody() -> None:
    first = report([replace(one, kind=Kind.BASELINE) for one in RECORDS])
    assert first.text(Detail.DETAILED) == "the ledger starts here: 3 tags in 2 repositories\n"
    assert (first.news, first.warnings, first.exit_code) == ([], [], 0)


def test_warnings_and_what_is_unknown_have_an_exit_code_of_their_own() -> None:
    assert [one.exit_code for one in (report(RECORDS), report(gaps=GAPS), report(RECORDS[1:]), report())] == [3, 3, 0, 0]


def test_for_programs() -> None:
    assert json.loads(json.dumps(report(RECORDS[:1], GAPS[2:], ("note",)).as_json())) == {
        "schema": 1,
        "changes": [
            {
                "seq": 1,
                "time": "2026-11-23T12:01:00.000+00:00",
                "repository": "team/app",
                "tag": "v1.0.0",
                "old": A,
                "new": B,
                "kind": "moved",
                "source": "event",
                "actor": "robot",
            }
        ],
        "warnings": [1],
        "unknown": [{"repository": "team/app", "tag": "v2", "reason": "empty"}],
        "repositories": {"added": ["new"], "removed": ["old"]},
        "tags": 3,
        "notices": ["note"],
        "exit_code": 3,
    }


def test_a_state_is_what_clients_can_pull() -> None:
    state = StateAt(minutes(0), baseline(v1=A, v2=B), "the ledger begins later")
    assert state.text() == f"note: the ledger begins later\napp:v1@{A}\napp:v2@{B}\n"
    assert json.loads(json.dumps(state.as_json())) == {
        "schema": 1,
        "time": "2026-11-23T12:00:00.000+00:00",
        "repositories": {"app": {"v1": A, "v2": B}},
        "notices": ["the ledger begins later"],
    }


def test_a_history_is_a_line_for_each_change() -> None:
    one = History("team/app", "v1.0.0", RECORDS[:1])
    assert one.text() == line_of(RECORDS[0]) + "\n"
    assert line_of(RECORDS[0]) == "~ sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb by robot (event, 2026-11-23 12:01:00 UTC)"
    assert [change["seq"] for change in one.as_json()["changes"]] == [1]
    assert History("a", "b", []).text() == "the ledger has nothing about a:b\n"
