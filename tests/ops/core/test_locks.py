"""Locks between processes: one holds it, others hear who, and a kill leaves none behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ops.core.locks import Holder, LockedError, hold, lock
from ops.core.process import start_daemon

HOLD = (
    "import sys, time; from pathlib import Path; from ops.core.locks import lock\n"
    "with lock(Path(sys.argv[1]), 'gc'): time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path: Path) -> int:
    """The id of another process that holds the lock `tmp_path/lock`."""
    pid = start_daemon([sys.executable, "-c", HOLD, tmp_path / "lock"], log=tmp_path / "log")
    deadline = time.monotonic() + 10
    while not (tmp_path / "lock").is_file() or not (tmp_path / "lock").read_text():
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.01)
    return pid


def test_who_holds_it_is_said(tmp_path: Path, holder: int) -> None:
    try:
        with (
            pytest.raises(LockedError, match=rf"gc \(process {holder}\) has been running since 20") as caught,
            lock(tmp_path / "lock", "sync"),
        ):
            pass
        assert caught.value.exit_code == 75
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def test_a_kill_leaves_no_lock_and_somebody_who_waits_gets_it(tmp_path: Path, holder: int) -> None:
    os.kill(holder, signal.SIGKILL)
    with lock(tmp_path / "lock", "sync", patience=10):
        assert '"task": "sync"' in (tmp_path / "lock").read_text()
    os.waitpid(holder, 0)
    assert (tmp_path / "lock").read_text() == ""


def test_it_is_free_after_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock(tmp_path / "lock", "gc"):
        raise RuntimeError
    with lock(tmp_path / "lock", "sync"):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"task": 1}'])
def test_a_file_that_says_nothing_is_no_error_of_its_own(tmp_path: Path, content: str) -> None:
    with lock(tmp_path / "lock", "gc"):
        (tmp_path / "lock").write_text(content)
        with pytest.raises(LockedError, match="another task holds"), lock(tmp_path / "lock", "sync"):
            pass


def test_the_caller_words_the_refusal_and_is_told_once_whom_it_waits_for(tmp_path: Path, holder: int) -> None:
    waited: list[Holder | None] = []

    def refusal(found: Holder | None) -> Exception:
        return TimeoutError(f"{found} has the kitchen")

    try:
        with (
            pytest.raises(TimeoutError, match=rf"process {holder} \(since 20.*\) has the kitchen"),
            hold(tmp_path / "lock", "cook", refusal=refusal, patience=1.0, waiting=waited.append),
        ):
            pass
        assert [found and (found.pid, found.task) for found in waited] == [(holder, "gc")]
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def test_nobody_is_told_to_wait_for_a_lock_that_is_free(tmp_path: Path) -> None:
    waited: list[Holder | None] = []
    with hold(tmp_path / "lock", "cook", refusal=lambda _: TimeoutError(), patience=1.0, waiting=waited.append):
        pass
    assert waited == []
