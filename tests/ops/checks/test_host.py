"""Checks of the host: a disk that gets full, a gate that was forgotten, files changed by hand."""

from __future__ import annotations

import os
import time
from collections import namedtuple
from pathlib import Path

import pytest

from ops.checks.host import GATE, disk, files, gate
from ops.drift import record
from stack_components.edge.component import GATE as GATE_FOLDER
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
    assert f"{GATE_FOLDER}/{GATE_FILE}" == GATE.as_posix()


def test_a_gate_is_for_a_while_and_then_it_was_forgotten(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    assert gate(stack).detail == "writes are let in"
    (tmp_path / GATE).parent.mkdir()
    (tmp_path / GATE).touch()
    assert gate(stack).state == "ok"
    assert "while a task is at work" in gate(stack).detail
    long_ago = time.time() - 3600
    os.utime(tmp_path / GATE, (long_ago, long_ago))
    check = gate(stack)
    assert check.state == "failed"
    assert str(tmp_path / GATE) in check.remedy


def test_a_file_changed_by_hand_is_named(tmp_path: Path) -> None:
    stack, file = stack_in(tmp_path), tmp_path / "sshd.conf"
    file.write_text("as it was")
    record(tmp_path, "host", [file])
    assert files(stack).state == "ok"
    file.write_text("changed")
    check = files(stack)
    assert (check.state, check.detail) == ("warning", f"changed by hand: {file}")
