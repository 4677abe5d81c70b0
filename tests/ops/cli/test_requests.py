"""`regops requests`: does what the console has asked for, and nothing that is on no list."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ops.cli import requests
from ops.config import ACTION_REQUESTS, REQUEST_FILE, request_folder
from ops.core.files import write_atomic
from ops.core.locks import lock
from ops.runs.history import history_of
from ops.runs.output import kept, outputs, printed
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.tasks import tasks
from tests.ops.cli.test_app import regops
from tests.ops.runs.test_output import RUN, found
from tests.ops.runs.test_task import CHANNEL, stack_in, titles

UNBAN = {"action": "unban", "network": "203.0.113.7"}
DELETE = {"action": "delete", "repository": "team/app", "tag": "v1", "expect": f"sha256:{'0' * 64}"}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return stack_in(tmp_path, notify={"channels": {"phone": CHANNEL}})


def file(stack: Stack) -> Path:
    return stack.root / request_folder(ACTION_REQUESTS) / REQUEST_FILE


def ask(stack: Stack, what: dict[str, Any], *, run: str = RUN, **more: Any) -> None:
    write_atomic(file(stack), json.dumps({"run": run, "by": "ann", "what": what, **more}))


def test_it_is_done_with_what_it_printed_and_how_it_ended(stack: Stack) -> None:
    ask(stack, UNBAN)
    done = regops(stack.root, "requests", "run")
    assert done.returncode == 0, "who asked reads how it ended"
    said = "regops: nobody is banned: protection is off in this stack (`protection.enabled` in its settings)"
    assert said in done.stderr, "the journal has it too"
    one = found(stack)
    assert (one.lines[-1], one.exit_code, one.about["by"]) == (said, 1, "ann")
    assert one.about["command"] == "unban 203.0.113.7 --dry-run"
    assert not file(stack).exists()


def test_what_is_done_is_in_the_history_with_who_asked_and_its_plan_is_not(stack: Stack) -> None:
    (stack.root / "data").mkdir()
    for number, dry_run in enumerate([True, False]):
        ask(stack, DELETE, run=f"{RUN[:15]}-000{number}", dry_run=dry_run)
        regops(stack.root, "requests", "run")
    runs = [(run.run_id, run.task, run.by) for run in history_of(stack).runs()]
    assert runs == [(f"{RUN[:15]}-0000", "delete-plan", "ann"), (f"{RUN[:15]}-0001", "delete", "ann")], "both failed"


def test_nothing_waits(stack: Stack) -> None:
    done = regops(stack.root, "requests", "run")
    assert (done.returncode, done.stderr, outputs(stack)) == (0, "nothing was asked for\n", [])


def test_a_forged_word_is_refused_and_told_until_one_is_in_order(stack: Stack) -> None:
    ask(stack, {"action": "gc --no-undo"})
    done = regops(stack.root, "requests", "run")
    assert (done.returncode, "is on no list; it was dropped" in done.stderr) == (10, True)
    assert not file(stack).exists()
    assert outputs(stack) == []
    assert [(run.task, run.exit_code) for run in history_of(stack).runs()] == [("requests", 10)]
    assert titles(stack) == ["requests failed"]
    (check,) = tasks(stack)
    assert (check.name, check.state, check.remedy) == ("requests", "failed", "`regops requests run` runs it again and shows more")
    ask(stack, UNBAN)
    assert regops(stack.root, "requests", "run").returncode == 0
    assert [check.state for check in tasks(stack) if check.name == "requests"] == ["ok"]


def test_a_link_is_dropped(stack: Stack, tmp_path: Path) -> None:
    ask(stack, UNBAN)
    file(stack).rename(tmp_path / "elsewhere")
    file(stack).symlink_to(tmp_path / "elsewhere")
    assert regops(stack.root, "requests", "run").returncode == 10
    assert (file(stack).is_symlink(), (tmp_path / "elsewhere").exists()) == (False, True)


def test_a_run_that_was_is_not_another_one(stack: Stack) -> None:
    for code in (0, 10):
        ask(stack, UNBAN)
        assert regops(stack.root, "requests", "run").returncode == code
    (one,) = [one for _, one in outputs(stack)]
    assert one.exit_code == 1
    past = f"{RUN[:15]}-00ff"
    ask(stack, DELETE, run=past, dry_run=False)
    regops(stack.root, "requests", "run")
    (stack.data / "output" / f"{past}.jsonl").unlink()
    ask(stack, DELETE, run=past, dry_run=False)
    done = regops(stack.root, "requests", "run")
    assert (done.returncode, "there has been a run" in done.stderr) == (10, True)


def test_a_flood_ends_at_so_many_an_hour(stack: Stack) -> None:
    for number in range(requests.MOST):
        with kept(stack, f"{RUN[:15]}-{number:04}"):
            pass
    ask(stack, UNBAN)
    done = regops(stack.root, "requests", "run")
    assert (done.returncode, "within an hour" in done.stderr) == (10, True)
    assert printed(stack, RUN) is None


def test_what_another_task_holds_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "WAIT_S", "0.1")
    monkeypatch.setattr(logging.getLogger("regops"), "hasHandlers", lambda: False)  # pytest's own are no log of JSON
    ask(stack, DELETE)
    with lock(stack.lock_file("storage"), "gc"):
        requests.do_next(stack)
    one = found(stack)
    assert (one.exit_code, one.lines[-1].startswith("regops: gc (process ")) == (75, True)


def test_all_of_it_can_be_listed(stack: Stack) -> None:
    ask(stack, UNBAN)
    regops(stack.root, "requests", "run")
    assert "203.0.113.7" in regops(stack.root, "requests").stdout
    (row,) = json.loads(regops(stack.root, "requests", "--json").stdout)["requests"]
    assert (row["run"], row["about"]["by"], row["exit_code"]) == (RUN, "ann", 1)
