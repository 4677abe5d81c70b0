"""The history of runs: what ended, what was killed, what was cut short."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ops.core.process import start_daemon
from ops.runs.history import ENDED, KILLED, RUNNING, History, Run, process_mark

RUN = Run("20261125T080000-1a2b", "gc", "2026-11-25T08:00:00+00:00", process=process_mark(os.getpid()))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "deep" / "history.jsonl")


def test_there_is_none_before_the_first_run(history: History) -> None:
    assert history.runs() == []
    assert history.last("gc") is None


def test_a_run_that_has_ended_is_one_run(history: History) -> None:
    history.add(RUN)
    assert [run.state for run in history.runs()] == [RUNNING]
    ended = replace(RUN, state=ENDED, seconds=1.5, exit_code=0, summary="freed 3 MB", figures={"freed_bytes": 3e6})
    history.add(ended)
    assert history.runs() == [ended]
    assert history.last("gc") == ended


def test_a_run_whose_process_is_gone_was_killed(history: History, tmp_path: Path) -> None:
    pid = start_daemon([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log")
    history.add(replace(RUN, process=process_mark(pid)))
    assert history.runs()[0].state == RUNNING
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert history.runs()[0].state == KILLED


def test_another_process_with_the_same_id_is_not_it(history: History) -> None:
    history.add(replace(RUN, process=f"{os.getpid()}:1"))
    assert history.runs()[0].state == KILLED


@pytest.mark.parametrize("damage", ['{"schema": 1, "run_id": "2026', "not JSON\n", '{"schema": 99}\n', "[]\n", "\x00\x00\n"])
def test_an_unreadable_line_spoils_no_other_run(history: History, tmp_path: Path, damage: str) -> None:
    history.add(RUN)
    path = tmp_path / "deep" / "history.jsonl"
    with path.open("a") as file:
        file.write(damage)
    other = replace(RUN, run_id="20261125T090000-1a2b", state=ENDED)
    history.add(other)
    assert history.runs() == [RUN, other]


def test_a_task_that_was_renamed_is_one_task(history: History) -> None:
    history.add(replace(RUN, state=ENDED, task="undo", exit_code=0))
    assert [run.task for run in history.runs()] == ["restore"]
    assert history.last_success("restore") is not None


def test_it_does_not_grow_forever(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.runs.history._TRIM_BYTES", 10_000)
    monkeypatch.setattr("ops.runs.history._KEPT_LINES", 10)
    for number in range(100):
        history.add(replace(RUN, run_id=f"{number:03}", state=ENDED))
    assert (tmp_path / "deep" / "history.jsonl").stat().st_size < 12_000
    assert history.runs()[-1].run_id == "099"


def test_where_processes_do_not_show_a_run_without_an_end_is_running(history: History, tmp_path: Path) -> None:
    history.add(replace(RUN, process="1:1"))
    assert history.runs()[0].state == "killed"
    assert History(tmp_path / "deep" / "history.jsonl", sees_processes=False).runs()[0].state == "running"
