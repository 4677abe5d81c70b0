"""Checks of the host: a disk that gets full, a read-only mode that was forgotten, files changed by hand."""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import run
from ops.host.drift import record
from ops.stack.registry import read_only_of
from ops.tasks.doctor.checks.host import disk, files, read_only_mode
from tests.mounts import small_disk
from tests.ops.runs.test_task import stack_in

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "state"), [(0.5, "ok"), (0.16, "ok"), (0.1, "warning"), (0.04, "failed"), (0.0, "failed")])
def test_a_disk_is_judged_by_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(2**40, 0, round(2**40 * free)))
    check = disk(stack_in(tmp_path))
    assert check.state == state
    assert bool(check.remedy) is (state != "ok")
    if state == "failed":
        assert check.exit_code == 14


@pytest.mark.parametrize(("free", "state"), [(0.5, "ok"), (0.1, "warning"), (0.02, "failed")])
def test_a_disk_is_judged_by_its_free_inodes_too(tmp_path: Path, free: float, state: str) -> None:
    with small_disk(tmp_path / "disk", size="8m", inodes=200) as folder:
        stack = stack_in(folder)
        for number in range(os.statvfs(folder).f_ffree - round(200 * free)):
            (folder / f"{number}").touch()
        check = disk(stack)
        assert check.state == state
        assert ("of 200 inodes" in check.detail) is (state != "ok")
        assert ("more inodes" in check.remedy) is (state != "ok")
        assert check.exit_code == 14 or state == "ok"


def test_a_file_system_that_makes_inodes_as_it_needs_them_reports_none(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="8m", inodes=0) as folder:
        assert os.statvfs(folder).f_files == 0
        assert disk(stack_in(folder)).state == "ok"


def test_who_turned_on_read_only_mode_is_named(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert read_only_mode(stack).detail == "off: writes are accepted"
    held = read_only_of(stack)
    held.turn_on("gc", "unused blobs are being removed")
    check = read_only_mode(stack)
    assert (check.state, check.detail) == ("ok", "gc has turned it on: unused blobs are being removed")
    held.turn_off()
    assert read_only_mode(stack).detail == "off: writes are accepted"


def test_read_only_mode_of_a_task_that_died_expires(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    file = tmp_path / READ_ONLY_FOLDER / READ_ONLY_FILE
    killed = "from pathlib import Path; from ops.registry.read_only import ReadOnlyMode; "
    killed += "ReadOnlyMode(Path('{}'), limit_s={}).turn_on('gc', 'why')"
    for limit_s, state in ((60, "warning"), (-1, "ok")):
        run([sys.executable, "-c", killed.format(file, limit_s)], timeout=20, cwd=PROJECT_FOLDER)
        assert read_only_mode(stack).state == state
    file.unlink()


def test_a_read_only_file_without_a_name_is_a_persons(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    file = tmp_path / READ_ONLY_FOLDER / READ_ONLY_FILE
    file.parent.mkdir()
    file.touch()
    check = read_only_mode(stack)
    assert (check.state, check.detail) == ("warning", "somebody turned it on by hand")
    assert str(file) in check.remedy
    file.write_text("we move house\n")
    assert read_only_mode(stack).detail == "somebody turned it on by hand: we move house"


def test_a_file_changed_by_hand_is_named(tmp_path: Path) -> None:
    stack, file = stack_in(tmp_path), tmp_path / "sshd.conf"
    file.write_text("as it was")
    record(tmp_path, "host", [file])
    assert files(stack).state == "ok"
    file.write_text("changed")
    check = files(stack)
    assert (check.state, check.detail) == ("warning", f"changed by hand: {file}")
