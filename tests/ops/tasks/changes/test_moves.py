"""Moves of tags: which are versions, which move by design, and that one a day is enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.settings import SettingsError, parse
from ops.config import MOVING
from ops.config.moving import moves_by_design
from ops.tasks.changes.model import Change, Kind, Record, Source
from ops.tasks.changes.moves import is_version, once_a_day, surprising

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def moved(hours: float, tag: str = "1.2.3", repository: str = "app", old: str | None = A) -> Record:
    """A change so many hours after noon."""
    change = Change(repository, tag, old, B)
    return Record(1, NOON + timedelta(hours=hours), change, change.kind, Source.SCAN, None)


@pytest.mark.parametrize("tag", ["v1.2.3", "1.2.3", "1.2.3-alpine", "v10.20.30-rc.1"])
def test_a_version_should_never_move(tag: str) -> None:
    assert is_version(tag)
    assert not moves_by_design("team/app", tag, MOVING)
    assert surprising([moved(0, tag)], MOVING)


@pytest.mark.parametrize("tag", ["latest", "1", "1.2", "v1.2", "1.2.3.4", "alpine-1.2.3", "1.2.3-"])
def test_other_tags_may_move(tag: str) -> None:
    assert not is_version(tag)
    assert not surprising([moved(0, tag)], ())


@pytest.mark.parametrize(
    "tag",
    ["latest", "EDGE", "1.4.0-SNAPSHOT", "1.4.0-snapshot-alpine", "2.0.0-dev", "2.0.0-dev.3", "v3.0.0-nightly", "1.0.0-main"],
)
def test_some_say_in_their_name_that_they_move(tag: str) -> None:
    assert moves_by_design("team/app", tag, MOVING)


@pytest.mark.parametrize("tag", ["1.2.3-device", "1.2.3-developer1", "1.2.3-mainline", "1.2.3-predev", "1.2.3-snapshots"])
def test_some_only_look_like_it(tag: str) -> None:
    assert not moves_by_design("team/app", tag, MOVING)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("1.*", True),
        ("2.*", False),
        ("team/*:*", True),
        ("team/app:1.2.?", True),
        ("TEAM/APP:1.2.3", True),
        ("*:1.2.3", True),
        ("app:*", False),
    ],
)
def test_a_pattern_is_of_tags_or_of_repositories_and_tags(pattern: str, matches: bool) -> None:
    assert moves_by_design("team/app", "1.2.3", [pattern]) == matches


def test_a_tag_that_is_only_added_or_removed_is_no_surprise() -> None:
    assert surprising([moved(0, old=None)], ()) == []


def test_a_move_counts_once_a_day() -> None:
    records = [moved(0), moved(1), moved(2, "1.2.4"), moved(3, repository="other"), moved(4, old=None), moved(13), moved(14)]
    assert once_a_day(records) == [records[number] for number in (0, 2, 3, 4, 5)]
    assert once_a_day(records, [moved(-1), moved(-13, "1.2.4")]) == [records[number] for number in (2, 3, 4, 5)]
    assert [one.kind for one in once_a_day(records)].count(Kind.ADDED) == 1


@pytest.mark.parametrize("pattern", ["", "a b", "a:b:c", "team/app", "^v.*$"])
def test_a_setting_that_can_match_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"operations": {"moving": ["*-dev", pattern]}}, stack="test")
    assert "operations.moving.1: should be a shell pattern of tags, such as *-dev" in refused.value.problems[0]
