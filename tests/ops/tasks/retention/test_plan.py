"""Which tags go: by when they were pushed or by version, never one that a rule keeps, and nothing where it is not clear."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from ops.config import RetentionRule
from ops.registry.listing import Links
from ops.tasks.changes.model import Change, Kind, Record, Source
from ops.tasks.retention.model import RetentionPlan
from ops.tasks.retention.plan import last_push, plan_of
from tests.ops.tasks.changes.ledger_samples import A, B, minutes, record

HASHES = ("sha-ffff111", "sha-fe90aa2", "sha-e1c0b37", "sha-9b00c41", "sha-3d07f55", "sha-00a1b2c")


def rule(tags: str, keep: int, order: str = "pushed") -> RetentionRule:
    return RetentionRule.model_validate({"repository": "ci/app", "tags": tags, "keep": keep, "order": order})


def planned(tags: dict[str, float], *rules: RetentionRule, unreadable: list[str] | None = None) -> RetentionPlan:
    """What rules do with tags that were pushed so many minutes after noon."""
    links = Links(dict.fromkeys(tags, 1), dict.fromkeys(tags, A), unreadable=unreadable or [])
    return plan_of(rules, {"ci/app": links}, lambda _, tag, __, ___: minutes(tags[tag]))


def gone(plan: RetentionPlan) -> list[str]:
    return [one.tag for one in plan.old]


def test_hashes_go_by_when_they_were_pushed() -> None:
    pushed = {tag: float(at) for at, tag in enumerate(HASHES)}
    plan = planned(pushed, rule("sha-[0-9a-f]{7}", 3))
    assert gone(plan) == list(HASHES[:3])
    assert plan.rules[0].kept == HASHES[:2:-1]
    assert (plan.rules[0].matching, plan.rules[0].old) == (6, 3)


def test_versions_go_by_their_value_whenever_they_were_pushed() -> None:
    tags = {"v1.9": 3.0, "v1.10": 2.0, "v1.2": 9.0, "latest": 0.0}
    assert gone(planned(tags, rule(r"v\d+\.\d+", 1, "version"))) == ["v1.9", "v1.2"]


def test_those_as_new_as_the_last_one_that_stays_stay_too() -> None:
    assert gone(planned({"a": 1.0, "b": 2.0, "c": 2.0, "d": 3.0}, rule(".", 2))) == ["a"]
    assert gone(planned({"1.2": 1.0, "v1.2": 2.0, "1.1": 3.0}, rule(r"v?\d+\.\d+", 1, "version"))) == ["1.1"]


def test_what_one_rule_keeps_no_other_one_deletes() -> None:
    tags = {"ci-1": 1.0, "ci-2": 2.0, "ci-3": 3.0}
    plan = planned(tags, rule(r"ci-\d+", 1), rule(r"ci-[12]", 1))
    assert gone(plan) == ["ci-1"]
    assert [one.old for one in plan.rules] == [0, 1]


def test_signatures_and_other_tags_stay() -> None:
    tags = {f"sha256-{'0' * 64}": 0.0, f"sha256-{'0' * 64}.sig": 0.0, "1": 1.0, "2": 2.0}
    assert gone(planned(tags, rule(".*", 1))) == ["1"]
    assert gone(planned(tags, rule("3", 1))) == []


def test_nothing_goes_where_something_cannot_be_read() -> None:
    plan = planned({"1": 1.0, "2": 2.0}, rule(".*", 1), unreadable=["tag 3 cannot be read"])
    assert (gone(plan), plan.unclear) == ([], ("ci/app: tag 3 cannot be read",))


def test_a_repository_that_is_not_there_is_no_fault() -> None:
    assert plan_of([rule(".*", 1)], {}, lambda *_: minutes(0)).old == ()


LOOKED = minutes(100)


def seen(seq: int, old: str | None, new: str | None) -> Record:
    """A change that a scan found."""
    return record(seq, "ci/app:v1", old, new)


@pytest.mark.parametrize(
    ("records", "told", "written", "expected"),
    [
        pytest.param([], None, 50, 50, id="nothing is known"),
        pytest.param(
            [Record(1, minutes(9), Change("a", "v1", None, A), Kind.BASELINE, Source.SCAN, None)], None, 2, 2, id="first scan"
        ),
        pytest.param([seen(5, None, A)], 4, 4, 4, id="told"),
        pytest.param([seen(5, None, A)], 30, 30, 30, id="pushed again, unchanged"),
        pytest.param([seen(5, None, A)], None, 120, 120, id="pushed since the last look"),
        pytest.param([seen(5, None, A), seen(40, A, None), seen(60, None, A)], 4, 59, 5, id="restored"),
        pytest.param([seen(5, None, A), seen(40, A, None), seen(60, None, A)], 59, 59, 59, id="deleted and pushed again"),
        pytest.param([seen(5, None, B), seen(40, B, A)], 4, 39, 39, id="moved, and the registry told nothing"),
        pytest.param([seen(5, None, A)], None, 50, 5, id="copied with the whole tree"),
    ],
)
def test_when_a_tag_was_pushed_last(records: list[Record], told: float | None, written: float, expected: float) -> None:
    at: datetime | None = None if told is None else minutes(told)
    assert last_push(records, at, LOOKED, A, minutes(written)) == minutes(expected)


def test_without_a_ledger_the_tree_says_when() -> None:
    assert last_push([], None, None, A, minutes(7)) == minutes(7)


def test_no_tag_takes_long_to_compare_whatever_the_pattern() -> None:
    """Python would take hours for it, in which whoever may push keeps everything."""
    began = time.process_time()
    assert gone(planned({"a" * 128: 1.0, "b": 2.0}, rule(r"\w*" * 8 + "-", 1))) == []
    assert time.process_time() - began < 5


def test_a_pattern_is_for_whole_tags_in_each_of_its_alternatives() -> None:
    assert gone(planned({"a1": 1.0, "xa1": 0.0, "b1": 2.0, "b1x": 0.0, "b2": 3.0}, rule("a1|b[12]", 1))) == ["a1", "b1"]
