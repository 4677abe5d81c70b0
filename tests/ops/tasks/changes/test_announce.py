"""Messages about changes: how many and where, and a warning for versions that moved."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.config.notify import Severity
from ops.tasks.changes.announce import announcements
from ops.tasks.changes.model import Change, Kind, Record, Source

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
TIME = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def record(repository: str, tag: str, old: str | None, new: str | None, *, kind: Kind | None = None) -> Record:
    change = Change(repository, tag, old, new)
    return Record(1, TIME, change, kind or change.kind, Source.EVENT, "ann")


def test_what_the_ledger_began_with_is_no_news() -> None:
    assert announcements([record("app", "1", None, NEW, kind=Kind.BASELINE)], "prod") == []
    assert announcements([], "prod") == []


def test_one_message_says_how_many_and_where() -> None:
    (message,) = announcements(
        [record("b", "1", None, NEW), record("a", "latest", OLD, NEW), record("b", "0", OLD, None), record("b", "2", None, NEW)],
        "prod",
    )
    assert message.title == "2 tags added, 1 tag moved, 1 tag removed"
    assert message.lines == ("Where: prod", "", "a: ~latest", "b: +1 -0 +2")
    assert (message.severity, message.fingerprint) == (Severity.INFO, None)


def test_a_version_that_moved_is_a_warning_of_its_own() -> None:
    news, warning = announcements([record("app", "v1.2.3", OLD, NEW), record("app", "latest", OLD, NEW)], "prod")
    assert news.title == "2 tags moved"
    assert (warning.title, warning.severity) == ("1 version tag moved", Severity.WARNING)
    assert "ann" in warning.lines[-1]
    assert "app:v1.2.3" in warning.lines[-1]
    assert warning.next_command == "regops changes history app:v1.2.3"


def test_many_are_counted_and_not_listed() -> None:
    records = [record(f"r{number:02}", str(tag), None, NEW) for number in range(15) for tag in range(8)]
    (message,) = announcements(records, "prod")
    assert message.title == "120 tags added"
    assert message.lines[2] == "r00: +0 +1 +2 +3 +4 and 3 more"
    assert message.lines[-1] == "and 5 more repositories"


def test_a_tag_that_moves_with_every_build_is_told_once_a_day() -> None:
    build = record("app", "1.4.0-SNAPSHOT", OLD, NEW)
    (message,) = announcements([build, build], "prod")
    assert (message.title, message.severity) == ("1 tag moved", Severity.INFO)
    assert announcements([build], "prod", earlier=[build]) == []


def test_what_moves_by_design_is_a_setting() -> None:
    version = record("team/app", "v1.2.3", OLD, NEW)
    assert len(announcements([version], "prod")) == 2
    assert len(announcements([version], "prod", moving=["team/*:v*"])) == 1
