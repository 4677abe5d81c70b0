"""The frame of a task: its history, its metrics, and the pings that a real server gets; none of them can fail it."""

from __future__ import annotations

import contextlib
import errno
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.config import REGOPS_FILE, RegopsConfig, render
from ops.core.files import write_atomic
from ops.core.locks import LockedError, lock
from ops.notify.notifier import Notifier
from ops.registry.read_only import ReadOnlyModeError
from ops.registry.transport import UnreachableError
from ops.runs.history import Run, history_of
from ops.runs.marks import marks_of
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack
from ops.tasks.changes.update import OvertakenError
from ops.tasks.gc.model import Refusal, RefusedError

UUID = "0d0c0d0c-9d0c-4d0c-8d0c-0d0c0d0c0d0c"


CHANNEL = {"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "registry"}


def titles(stack: Stack) -> list[str]:
    """The titles of the messages that wait for the phone."""
    box = Notifier(stack).outbox.mailbox("phone")
    return [stored.letter.message.title for _, stored in box.letters(box.new)]


class Watcher:
    """A STAND-IN for Healthchecks: it accepts pings as documented, and answers with the given status."""

    def __init__(self, status: int) -> None:
        watcher, self.pings = self, list[tuple[str, str]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                watcher.pings.append((self.path.removeprefix(f"/{UUID}"), body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{UUID}"


@contextlib.contextmanager
def watching(status: int = 200) -> Iterator[Watcher]:
    watcher = Watcher(status)
    thread = threading.Thread(target=watcher.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield watcher
    finally:
        watcher.server.shutdown()
        watcher.server.server_close()
        thread.join()


def stack_in(
    folder: Path, *, name: str = "test", ping: str | None = None, metrics: str | None = "metrics", **given: Any
) -> Stack:
    config = RegopsConfig(
        stack=name,
        url="https://registry.example.com",
        data="data",
        metrics=metrics,
        pings={"gc": ping} if ping else {},
        **given,
    )
    write_atomic(folder / "current" / REGOPS_FILE, render(config))
    (folder / "metrics").mkdir(exist_ok=True)
    return Stack(folder)


def test_a_run_is_recorded_measured_and_pinged(tmp_path: Path) -> None:
    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url)
        outcome = run_task(stack, "gc", lambda: Outcome(0, "freed 3 MB", {"freed_bytes": 3e6}), lock_name="storage")
    assert outcome.exit_code == 0
    (run,) = history_of(stack).runs()
    assert (run.task, run.state, run.exit_code, run.summary, run.figures) == (
        "gc",
        "ended",
        0,
        "freed 3 MB",
        {"freed_bytes": 3e6},
    )
    assert watcher.pings == [("/start", ""), ("/0", "freed 3 MB")]
    assert "regops_gc_freed_bytes 3e+06" in (tmp_path / "metrics/regops-gc.prom").read_text()


def test_a_failure_is_pinged_with_its_code_and_raised(tmp_path: Path) -> None:
    def fail() -> Outcome:
        raise UnreachableError("the registry does not answer\nsecond line")

    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url)
        with pytest.raises(UnreachableError):
            run_task(stack, "gc", fail)
    assert watcher.pings[-1] == ("/13", "the registry does not answer second line")
    assert history_of(stack).runs()[0].exit_code == 13


def test_what_is_known_of_a_failure_is_measured(tmp_path: Path) -> None:
    def refuse() -> Outcome:
        raise RefusedError({Refusal.SHARE: "too much", Refusal.BACKUP: "none"})

    stack = stack_in(tmp_path)
    with pytest.raises(RefusedError):
        run_task(stack, "gc", refuse)
    assert "regops_gc_refused 2.0" in (tmp_path / "metrics/regops-gc.prom").read_text()
    run_task(stack, "gc", lambda: Outcome(0, "", {"refused": 0}))
    assert "regops_gc_refused 0.0" in (tmp_path / "metrics/regops-gc.prom").read_text()


def test_a_failure_is_reported_with_the_name_that_people_gave_the_registry(tmp_path: Path) -> None:
    channel = {"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "registry"}
    stack = stack_in(tmp_path, notify={"channels": {"phone": channel}}, identifier_secret="identifier")
    write_atomic(tmp_path / "secrets/identifier", "The Smiths' registry", mode=0o600)
    run_task(stack, "gc", lambda: Outcome(1, "failed"))
    box = Notifier(stack).outbox.mailbox("phone")
    ((_, stored),) = box.letters(box.new)
    assert stored.letter.message.lines[0] == "Where: The Smiths' registry"


def test_of_what_somebody_has_mistyped_nobody_is_told(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, notify={"channels": {"phone": CHANNEL}})
    run_task(stack, "restore", lambda: Outcome(1, "no snapshot has tema/app"))
    run_task(stack, "notify", lambda: Outcome(3, "phone: no answer", told=True))
    assert titles(stack) == []
    run_task(stack, "gc", lambda: Outcome(1, "the registry does not answer"))
    assert titles(stack) == ["gc failed"]
    run_task(stack, "gc", lambda: Outcome(1, "the registry does not answer", told=True))
    assert titles(stack) == ["gc failed"]
    run_task(stack, "gc", lambda: Outcome(3, "some could not be read", told=True))
    assert titles(stack) == ["gc failed", "Resolved: gc failed"], "it works, and has said itself what it warns of"


def test_a_terminated_task_is_not_a_success(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    with pytest.raises(SystemExit):
        run_task(stack, "gc", lambda: sys.exit(143))
    assert (history_of(stack).runs()[0].state, history_of(stack).runs()[0].exit_code) == ("ended", 143)


def test_a_task_that_finds_itself_running_leaves_it_to_that_run(tmp_path: Path) -> None:
    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url)
        with lock(stack.lock_file("storage"), "gc"), pytest.raises(LockedError, match=r"^gc \(process"):
            run_task(stack, "gc", lambda: Outcome(0, "done"), lock_name="storage")
    assert [path for path, _ in watcher.pings] == ["/log"]
    assert history_of(stack).runs() == []
    assert not (tmp_path / "metrics/regops-gc.prom").exists()


def test_a_task_that_another_one_is_in_the_way_of_did_not_start(tmp_path: Path) -> None:
    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url, notify={"channels": {"phone": CHANNEL}})
        with lock(stack.lock_file("storage"), "snapshot"), pytest.raises(LockedError, match=r"^snapshot \(process"):
            run_task(stack, "gc", lambda: Outcome(0, "done"), lock_name="storage")
    ((path, text),) = watcher.pings
    assert (path, text.partition(" (")[0]) == ("/log", "did not start: snapshot")
    (run,) = history_of(stack).runs()
    assert (run.state, run.exit_code, run.summary.partition(" (")[0]) == ("did not start", 75, "snapshot")
    assert titles(stack) == [], "somebody may just have pushed something large"
    assert 'regops_task_exit_code{task="gc"} 75.0' in (tmp_path / "metrics/regops-gc.prom").read_text()


def test_a_task_that_could_not_do_its_work_for_too_long_is_told_until_it_does(tmp_path: Path) -> None:
    def drained() -> Outcome:
        raise ReadOnlyModeError("1 uploads are still in progress after 30 s; try again at a quieter time")

    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url, notify={"channels": {"phone": CHANNEL}})
        for days, state, code in ((21, "ended", 0), (14, "did not start", 75), (7, "did not start", 75)):
            started = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
            history_of(stack).add(Run(str(days), "gc", started, state, "1:1", 1.0, code, "something"))
        with pytest.raises(ReadOnlyModeError):
            run_task(stack, "gc", drained)
        run_task(stack, "gc", lambda: Outcome(0, "done"))
        with pytest.raises(ReadOnlyModeError):
            run_task(stack, "gc", drained)
    assert [path for path, _ in watcher.pings] == ["/start", "/75", "/start", "/0", "/start", "/log"]
    assert titles(stack) == ["gc could not start this time either"]


def test_the_first_time_that_is_too_long_is_an_open_problem_that_a_success_resolves(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, notify={"channels": {"phone": CHANNEL}})
    started = (datetime.now(UTC) - timedelta(days=14)).isoformat(timespec="seconds")
    history_of(stack).add(Run("0", "gc", started, "ended", "1:1", 1.0, 0, "done"))
    with lock(stack.lock_file("storage"), "snapshot"), pytest.raises(LockedError):
        run_task(stack, "gc", lambda: Outcome(0, "done"), lock_name="storage")
    run_task(stack, "gc", lambda: Outcome(0, "done"))
    assert titles(stack) == ["gc could not start", "Resolved: gc could not start"]


def test_work_that_another_run_has_done_is_not_missed(tmp_path: Path) -> None:
    def overtaken() -> Outcome:
        raise OvertakenError("another run was faster")

    stack = stack_in(tmp_path)
    with pytest.raises(OvertakenError):
        run_task(stack, "changes", overtaken, routine=True)
    (run,) = history_of(stack).runs()
    assert (run.state, run.exit_code, run.went_well) == ("ended", 75, True)
    mark = marks_of(stack).get("changes")
    assert mark is not None
    assert mark.well


def test_a_lock_that_cannot_be_written_is_a_failure_that_everybody_hears_of(tmp_path: Path) -> None:
    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url)
        stack.lock_file("storage").mkdir(parents=True)
        with pytest.raises(IsADirectoryError):
            run_task(stack, "gc", lambda: Outcome(0, "done"), lock_name="storage")
    assert [path for path, _ in watcher.pings] == ["/1"]
    assert [(run.state, run.exit_code) for run in history_of(stack).runs()] == [("ended", 1)]


def test_a_full_disk_has_its_own_exit_code_in_the_history_too(tmp_path: Path) -> None:
    def full() -> Outcome:
        raise OSError(errno.ENOSPC, "No space left on device")

    stack = stack_in(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        run_task(stack, "gc", full)
    assert history_of(stack).runs()[0].exit_code == 14


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_watcher_that_refuses_is_a_warning(tmp_path: Path, status: int) -> None:
    warnings: list[str] = []
    with watching(status) as watcher:
        outcome = run_task(stack_in(tmp_path, ping=watcher.url), "gc", lambda: Outcome(0, "done"), warn=warnings.append)
    assert outcome.exit_code == 0
    assert warnings == [f"the ping was answered with {status}"] * 2


def test_an_unreachable_watcher_is_a_warning_without_the_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with watching() as watcher:
        pass
    outcome = run_task(stack_in(tmp_path, ping=watcher.url), "gc", lambda: Outcome(0, "done"))
    assert outcome.exit_code == 0
    told = "".join(capfd.readouterr())
    assert "the ping was not sent" in told
    assert UUID not in told


def test_what_cannot_be_recorded_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    stack = stack_in(tmp_path, metrics="nowhere")
    (tmp_path / "data").write_text("a file where a folder should be")
    assert run_task(stack, "gc", lambda: Outcome(3, "done"), warn=warnings.append).exit_code == 3
    assert [warning.partition(" cannot")[0] for warning in warnings] == ["the history", "the history", "metrics"]
