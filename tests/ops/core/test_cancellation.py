"""Commands end when the work that they belong to is called off, and no other one starts."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.core import cancellation as subject
from ops.core.cancellation import EndedError, Scope, current_scope
from ops.core.process import run, start_daemon

# A shell and the program that it waits for, which writes down its id.
SLEEP = "sleep 60 & echo $! > {file}; wait"


def _in_thread(scope: Scope, work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    raised: list[BaseException] = []

    def body() -> None:
        try:
            with scope.current():
                work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(body,))
    thread.start()
    return thread, raised


def _await(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_ends_with_all_that_it_has_started(tmp_path: Path) -> None:
    scope, file = Scope(), tmp_path / "pid"
    thread, raised = _in_thread(scope, lambda: run(["sh", "-c", SLEEP.format(file=file)], timeout=60))
    _await(lambda: file.is_file() and file.read_text().strip())
    scope.end()
    thread.join(20)
    assert [type(error) for error in raised] == [EndedError]
    _await(lambda: not _lives(int(file.read_text())))


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_GRACE_S", 0.3)
    scope, ready = Scope(), tmp_path / "ready"
    deaf = f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"
    thread, raised = _in_thread(scope, lambda: run(["sh", "-c", deaf], timeout=60))
    _await(ready.exists)
    scope.end()
    thread.join(20)
    assert [type(error) for error in raised] == [EndedError]


def test_one_that_does_not_listen_is_killed_also_if_it_had_just_started(tmp_path: Path) -> None:
    scope, ready = Scope(), tmp_path / "ready"
    deaf = start_daemon(["sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"], log=tmp_path / "log")
    _await(ready.exists)
    scope.end()
    with pytest.raises(EndedError), scope.running(os.getpgid(deaf)):
        _await(lambda: not _lives(deaf))
    os.waitpid(deaf, 0)


def test_nothing_starts_afterwards_also_where_failures_do_not_matter(tmp_path: Path) -> None:
    scope = Scope()
    scope.end()
    with scope.current(), pytest.raises(EndedError):
        run(["touch", tmp_path / "file"], timeout=10, check=False)
    assert not (tmp_path / "file").exists()
    assert run(["true"], timeout=10).returncode == 0


def test_a_scope_ends_with_its_block() -> None:
    scope = Scope()
    with scope.current():
        assert current_scope() is scope
    assert current_scope() is None
