"""A request says who asked, is taken once, and is nothing else: no link is followed, and nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.config import MAX_NAME, REQUEST_FILE, request_folder
from ops.runs.history import history_of
from ops.runs.requests import take
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack
from tests.ops.runs.test_task import stack_in


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    made = stack_in(tmp_path)
    (made.root / request_folder("gc")).mkdir(parents=True)
    return made


@pytest.fixture
def file(stack: Stack) -> Path:
    return stack.root / request_folder("gc") / REQUEST_FILE


def test_who_asked_is_in_the_history_once(stack: Stack, file: Path) -> None:
    file.write_text("ann@example.com\n")
    for _ in range(2):
        run_task(stack, "gc", lambda: Outcome(0, "done"))
    assert [run.by for run in history_of(stack).runs()] == ["ann@example.com", ""]
    assert not file.exists()


def test_a_routine_run_is_in_the_history_if_somebody_asked_for_it(stack: Stack, file: Path) -> None:
    run_task(stack, "gc", lambda: Outcome(0, "done"), routine=True)
    file.write_text("ann\n")
    run_task(stack, "gc", lambda: Outcome(0, "done"), routine=True)
    assert [run.by for run in history_of(stack).runs()] == ["ann"]


def test_a_request_for_another_task_stays(stack: Stack, file: Path) -> None:
    file.write_text("ann\n")
    run_task(stack, "backup", lambda: Outcome(0, "done"))
    assert file.exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", ""),
        (b"ann\nmallory\x1b[2J", "annmallory[2J"),
        (b"\xff\xfe\x00", "\ufffd\ufffd"),
        (b"a" * 100_000, "a" * MAX_NAME),
        (b"  ann  ", "ann"),
    ],
)
def test_a_name_is_a_short_line(stack: Stack, file: Path, content: bytes, name: str) -> None:
    file.write_bytes(content)
    assert take(stack, "gc") == name
    assert not file.exists()


def test_a_link_is_removed_and_not_followed(stack: Stack, file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    file.symlink_to(secret)
    assert take(stack, "gc") == ""
    assert not file.is_symlink()
    assert secret.read_text() == "hidden"


def test_what_would_block_does_not(stack: Stack, file: Path) -> None:
    os.mkfifo(file)
    assert take(stack, "gc") == ""
    assert not file.exists()


def test_a_folder_in_its_place_hinders_nothing(stack: Stack, file: Path) -> None:
    file.mkdir()
    assert take(stack, "gc") == ""
