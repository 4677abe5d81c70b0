"""`regops gc` and `regops undo` where they cannot do their work: everybody who watches hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.config import ServiceLimits
from ops.core.locks import lock
from ops.runs.task import history_of
from tests.ops.cli.test_app import regops
from tests.ops.runs.test_task import stack_in, watching

SERVICES = {"registry": ServiceLimits(cpus=1, memory_mib=256)}


def test_a_collection_that_fails_is_a_failure_to_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: the system before this one told its watcher of a success."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with watching() as watcher:
        stack = stack_in(tmp_path, ping=watcher.url, services=SERVICES)
        done = regops(stack.root, "gc")
    assert done.returncode == 1
    assert f"no Docker engine answers at unix://{tmp_path}/none.sock" in done.stderr
    assert [path for path, _ in watcher.pings] == ["/start", "/1"]
    assert [(run.task, run.exit_code) for run in history_of(stack).runs()] == [("gc", 1)]
    assert 'regops_task_exit_code{task="gc"} 1.0' in (tmp_path / "metrics/regops-gc.prom").read_text()


@pytest.mark.parametrize("words", [["gc"], ["gc", "--dry-run"], ["undo", "take"], ["undo", "restore", "latest"]])
def test_only_one_works_on_the_tree_at_a_time(tmp_path: Path, words: list[str]) -> None:
    """S16: locks were files that a crash left behind."""
    stack = stack_in(tmp_path, services=SERVICES)
    with lock(stack.lock_file("storage"), "gc"):
        done = regops(stack.root, *words)
    assert done.returncode == 75
    assert "gc (process " in done.stderr
    assert history_of(stack).runs() == []


def test_an_undo_without_a_snapshot_says_what_makes_one(tmp_path: Path) -> None:
    done = regops(stack_in(tmp_path, services=SERVICES).root, "undo", "restore", "latest")
    assert done.returncode == 1
    assert "`regops undo take` makes one" in done.stderr


def test_there_are_no_snapshots_at_first(tmp_path: Path) -> None:
    done = regops(stack_in(tmp_path, services=SERVICES).root, "undo")
    assert (done.returncode, "all of them hold 0 B" in done.stderr) == (0, True)
