"""The check of the mirror: each fault made for real, what is said of it, and its remedy applied."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from pathlib import Path

import pytest

from ops.catalogue.shipped import note_pulled, ship, working_copy
from ops.core.findings import Check
from ops.core.process import run
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.mirror import mirror
from tests.ops.command_line import regops
from tests.ops.runs.test_task import stack_in
from tests.ops.tasks.sync.mirror_samples import REFUSED, catalogue, edit, remember, stack_with_mirror

DAY_S, HOUR_S = 86_400.0, 3600.0


@pytest.fixture
def scheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host starts the task by itself."""
    monkeypatch.setattr("ops.tasks.doctor.checks.mirror.timers", lambda _: {"sync": True})


def found(stack: Stack) -> dict[str, Check]:
    return {check.name: check for check in mirror(stack)}


def type_in(stack: Stack, remedy: str, number: int = 0) -> None:
    """Do what a remedy says."""
    words = shlex.split(re.findall("`([^`]+)`", remedy)[number])
    done = regops(stack.root, *words[1:]) if words[0] == "regops" else run(words, timeout=10, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stack_without_a_mirror_has_no_finding(tmp_path: Path) -> None:
    assert mirror(stack_in(tmp_path)) == []


def test_a_mirror_that_is_well_is_one_line(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 4)
    (before,) = mirror(stack)
    assert (before.state, before.detail) == ("ok", "0 of 4 entries well; 4 never looked at")
    assert not (stack.root / "data/mirror/mirror.db").exists(), "looking makes no database"
    remember(stack, age_s=5 * HOUR_S)
    (check,) = mirror(stack)
    assert check == Check("mirror", "ok", "4 of 4 entries well, oldest look 5 h ago")


def test_an_entry_that_fails_is_named_with_why_until_it_is_well(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack, age_s=2 * DAY_S)
    remember(stack, {1: 2}, failures=REFUSED)
    (brief,) = mirror(stack, brief=True)
    assert (brief.state, brief.detail) == ("warning", "2 of 3 entries well, oldest look 0 min ago; 1 failed")
    checks = found(stack)
    assert list(checks) == ["mirror", "mirror docker.io/team/app1"]
    one = checks["mirror docker.io/team/app1"]
    assert (one.state, one.detail) == ("warning", "failed, last well 2 days ago: 1.0: the login is refused")
    assert "`regops sync docker.io/team/app1`" in one.remedy
    remember(stack)
    assert {check.state for check in mirror(stack)} == {"ok"}


def test_one_in_quarantine_is_due_again_after_its_remedy(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack, {0: 5, 2: 1})
    checks = found(stack)
    assert list(checks) == ["mirror", "mirror docker.io/team/app0", "mirror docker.io/team/app2"], "quarantine comes first"
    assert checks["mirror"].detail.endswith("1 failed, 1 quarantined")
    one = checks["mirror docker.io/team/app0"]
    assert one.detail == "quarantined after 5 tries, never well: there is no such repository; correct its name"
    type_in(stack, one.remedy)
    assert "quarantined" not in found(stack)["mirror"].detail


def test_many_are_counted_and_some_named(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 40)
    remember(stack, {number: 1 + number % 6 for number in range(40)})
    checks = mirror(stack)
    assert len(checks) == 11
    assert "`regops sync status`" in checks[0].remedy


def test_two_entries_of_one_source_are_told_apart_by_their_lines(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 2)
    edit(stack, catalogue(2).replace(b"source: docker.io/team/app1", b"source: docker.io/team/app0"))
    remember(stack, {1: 5})
    assert "`regops sync retry :6`" in mirror(stack)[1].remedy
    type_in(stack, mirror(stack)[1].remedy)
    assert "quarantined" not in mirror(stack)[0].detail


def test_entries_that_want_signatures_verified_are_told_where_there_is_no_cosign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("ops.upstream.cosign_program._FOLDERS", ())
    stack = stack_with_mirror(tmp_path, 3)
    assert "cosign" not in found(stack)
    wanted = b"x-regops: {verify: {identity: someone, issuer: 'https://example.com'}}"
    edit(stack, catalogue(3).replace(b"type: repository", b"type: repository\n  " + wanted, 2))
    remember(stack)
    check = found(stack)["cosign"]
    assert (check.state, check.detail.partition(" wants")[0]) == ("warning", "docker.io/team/app0 (and 1 more)")
    assert "sync.cosign: {url, sha256}" in check.remedy
    assert [one.name for one in mirror(stack, brief=True)] == ["mirror", "cosign", "catalogue"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cosign").touch(mode=0o755)
    assert "cosign" not in found(stack)


def test_one_that_is_switched_off_is_no_fault(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack, {1: 5})
    edit(stack, catalogue(3, 1))
    assert found(stack)["mirror"] == Check("mirror", "ok", "2 of 2 entries well, oldest look 0 min ago")


@pytest.mark.usefixtures("scheduled")
@pytest.mark.parametrize(("window", "late_h"), [(None, 12), ("22:00-06:00", 36)])
def test_runs_that_do_not_come_are_a_failure(tmp_path: Path, window: str | None, late_h: float) -> None:
    stack = stack_with_mirror(tmp_path, window=window)
    remember(stack, age_s=(late_h - 0.1) * HOUR_S)
    assert mirror(stack)[0].state == "ok"
    remember(stack, age_s=(late_h + 0.1) * HOUR_S)
    check = mirror(stack)[0]
    assert (check.state, check.exit_code) == ("failed", 1)
    assert check.detail.startswith("no run has looked at it for ")
    assert check.detail.endswith(f"3 of 3 entries well, oldest look {late_h:.0f} h ago")
    assert "`regops sync --force`" in check.remedy
    remember(stack)
    assert mirror(stack)[0].state == "ok"


@pytest.mark.usefixtures("scheduled")
def test_a_first_run_that_never_comes_is_a_failure(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    assert mirror(stack)[0].state == "ok", "it is new"
    long_ago = time.time() - 13 * HOUR_S
    os.utime(stack.root / "current", (long_ago, long_ago))
    assert mirror(stack)[0].detail == "no run has looked at it for 13 hours; 0 of 3 entries well; 3 never looked at"


def test_where_nobody_schedules_it_nobody_waits_for_it(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack, age_s=30 * DAY_S)
    assert mirror(stack)[0].state == "ok"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"version: 1\nsync: [\n", "catalogue.yml:"), (b"\xff\xfe", "is not UTF-8"), (b"sync: 7\n", "catalogue.yml:")],
)
def test_a_catalogue_that_cannot_be_read_is_a_failure_that_undo_mends(tmp_path: Path, content: bytes, says: str) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack)
    ship(stack.root, content)
    checks = found(stack)
    assert (checks["mirror"].state, checks["mirror"].exit_code) == ("failed", 10)
    assert says in checks["mirror"].detail
    assert checks["mirror"].detail.endswith("at the last run: 3 of 3 entries well, oldest look 0 min ago")
    type_in(stack, checks["mirror"].remedy, number=1)
    assert [check.state for check in mirror(stack)] == ["ok", "ok"], "it is ahead of what was shipped"


def test_a_catalogue_that_is_missing_is_a_failure_until_it_is_pushed(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    working_copy(stack.root).unlink()
    (check,) = mirror(stack)
    assert (check.state, check.exit_code) == ("failed", 10)
    assert "`bin/regops catalogue push`" in check.remedy
    ship(stack.root, catalogue(3))
    assert [check.state for check in mirror(stack)] == ["ok"]


def test_a_catalogue_that_is_no_file_is_a_failure(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    working_copy(stack.root).unlink()
    working_copy(stack.root).mkdir()
    (check,) = mirror(stack)
    assert check.detail.startswith(f"{working_copy(stack.root)} cannot be read: Is a directory; ")


def test_a_database_that_is_broken_is_put_aside(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack, {1: 1})
    (stack.root / "data/mirror/mirror.db").write_bytes(b"no database" * 1000)
    (check,) = mirror(stack)
    assert (check.state, "cannot be used: file is not a database" in check.detail) == ("failed", True)
    type_in(stack, check.remedy)
    remember(stack)
    assert [check.state for check in mirror(stack)] == ["ok"]


def test_a_catalogue_that_is_ahead_is_said_until_it_is_pulled_and_shipped(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    edit(stack, catalogue(4))
    ahead = found(stack)["catalogue"]
    assert (ahead.state, ahead.detail) == ("ok", "is ahead of the repository: it was edited on this host")
    assert ahead.remedy == "`bin/regops catalogue pull` in a checkout takes its edits over"
    note_pulled(stack.root, catalogue(4))
    ship(stack.root, catalogue(4))
    assert list(found(stack)) == ["mirror"]


def test_status_has_one_line_of_it_as_text_and_for_programs(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path, 130)
    remember(stack, {3: 1, 7: 5}, age_s=5 * HOUR_S)
    done = regops(stack.root, "status")
    line = "warning  mirror: 128 of 130 entries well, oldest look 5 h ago; 1 failed, 1 quarantined"
    assert [text for text in done.stderr.splitlines() if "mirror:" in text] == [line]
    assert (
        '"name": "mirror", "state": "warning", "detail": "128 of 130 entries well'
        in regops(stack.root, "status", "--json").stdout
    )
    assert done.returncode == 3
    shutil.rmtree(stack.root / "data/mirror")
    assert "failed   mirror: " in regops(stack.root, "status").stderr


def test_a_large_catalogue_is_only_read_for_status_when_something_is_wrong(tmp_path: Path) -> None:
    stack = stack_with_mirror(tmp_path)
    remember(stack)
    edit(stack, catalogue(4000))
    assert mirror(stack, brief=True)[0].detail.startswith("3 of 3 entries well")
    assert mirror(stack)[0].detail.startswith("3 of 4000 entries well")
    remember(stack, {3999: 1})
    assert mirror(stack, brief=True)[0].detail == "3999 of 4000 entries well, oldest look 0 min ago; 1 failed"
    edit(stack, catalogue(4000, 3999))
    assert mirror(stack, brief=True)[0] == Check("mirror", "ok", "3999 of 3999 entries well, oldest look 0 min ago"), "it is off"
