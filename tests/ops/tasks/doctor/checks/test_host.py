"""Checks of the host: a disk that gets full, a gate that was forgotten, files changed by hand."""

from __future__ import annotations

import sys
from collections import namedtuple
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from infra.regops import GATE_FOLDER
from ops.core.process import run
from ops.host.drift import record
from ops.stack.registry import GATE, gate_of
from ops.tasks.doctor.checks.host import disk, files, gate
from stack_components.edge.registry_routes import GATE_FILE
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


def test_the_gate_is_where_the_edge_looks() -> None:
    assert f"{GATE_FOLDER}/{GATE_FILE}" == GATE


def test_who_refuses_writes_is_named(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert gate(stack).detail == "writes are let in"
    held = gate_of(stack)
    held.raise_("gc", "unused blobs are being removed")
    assert (gate(stack).state, gate(stack).detail) == ("ok", "gc refuses writes: unused blobs are being removed")
    held.lower()
    assert gate(stack).detail == "writes are let in"


def test_the_gate_of_a_task_that_died_opens_by_itself(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    killed = "from pathlib import Path; from ops.registry.read_only import Gate; Gate(Path('{}'), limit_s={}).raise_('gc', 'why')"
    for limit_s, state in ((60, "warning"), (-1, "ok")):
        run([sys.executable, "-c", killed.format(tmp_path / GATE, limit_s)], timeout=20, cwd=PROJECT_FOLDER)
        assert gate(stack).state == state
    (tmp_path / GATE).unlink()


def test_a_gate_without_a_name_is_somebodys_own(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    (tmp_path / GATE).parent.mkdir()
    (tmp_path / GATE).touch()
    check = gate(stack)
    assert check.state == "warning"
    assert str(tmp_path / GATE) in check.remedy


def test_a_file_changed_by_hand_is_named(tmp_path: Path) -> None:
    stack, file = stack_in(tmp_path), tmp_path / "sshd.conf"
    file.write_text("as it was")
    record(tmp_path, "host", [file])
    assert files(stack).state == "ok"
    file.write_text("changed")
    check = files(stack)
    assert (check.state, check.detail) == ("warning", f"changed by hand: {file}")
