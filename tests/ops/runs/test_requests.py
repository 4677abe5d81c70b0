"""A request says who asked, is taken once, and is nothing else: no link is followed, and nothing is waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ops.config import ACTION_REQUESTS, MAX_NAME, MAX_REQUEST_BYTES, REQUEST_FILE, ActionRequest, request_folder
from ops.runs.history import history_of
from ops.runs.requests import RequestError, take, take_action
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack
from tests.ops.runs.test_task import stack_in

UNBAN: dict[str, Any] = {"run": "20261129T224500-0123", "by": "ann", "what": {"action": "unban", "network": "203.0.113.7"}}


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


def test_a_folder_in_its_place_is_removed_and_nothing_that_it_leads_to(stack: Stack, file: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("text")
    (file / "more").mkdir(parents=True)
    (file / "more/link").symlink_to(tmp_path)
    assert take(stack, "gc") == ""
    assert not file.exists()
    assert (tmp_path / "kept").exists()


@pytest.fixture
def action(stack: Stack) -> Path:
    path = stack.root / request_folder(ACTION_REQUESTS) / REQUEST_FILE
    path.parent.mkdir()
    return path


def test_an_action_is_taken_once(stack: Stack, action: Path) -> None:
    request = ActionRequest.model_validate(UNBAN)
    action.write_text(request.model_dump_json())
    assert take_action(stack) == request
    assert not action.exists()
    assert take_action(stack) is None


def test_an_action_that_is_on_no_list_is_refused_without_its_words(stack: Stack, action: Path) -> None:
    action.write_text(json.dumps({**UNBAN, "what": {"action": "rm -rf /"}}))
    with pytest.raises(RequestError, match=r"is on no list; it was dropped \(union_tag_invalid\)$"):
        take_action(stack)
    assert not action.exists()
    action.write_text(json.dumps({**UNBAN, "\x1b[2J": "\x1b[2J", "what": {**UNBAN["what"], "network": "\x1b[2J"}}))
    with pytest.raises(RequestError) as refused:
        take_action(stack)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"run": ', b"[" * 4000, b"null", b'"' + b"a" * 4000])
def test_what_is_no_action_is_dropped(stack: Stack, action: Path, content: bytes) -> None:
    action.write_bytes(content)
    with pytest.raises(RequestError, match="on no list"):
        take_action(stack)
    assert not action.exists()


def test_what_is_too_large_is_dropped(stack: Stack, action: Path) -> None:
    action.write_text(json.dumps(UNBAN) + " " * MAX_REQUEST_BYTES)
    with pytest.raises(RequestError, match="longer than 4096 bytes"):
        take_action(stack)
    assert not action.exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_dropped_and_not_followed(stack: Stack, action: Path, tmp_path: Path, kind: str) -> None:
    request = tmp_path / "elsewhere"
    request.write_text(json.dumps(UNBAN))
    match kind:
        case "link":
            action.symlink_to(request)
        case "pipe":
            os.mkfifo(action)
        case _:
            action.mkdir()
    with pytest.raises(RequestError, match="is no file"):
        take_action(stack)
    assert not os.path.lexists(action)
    assert request.exists()
