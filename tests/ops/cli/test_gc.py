"""`regops gc` and `regops snapshot` where they cannot do their work: everybody who watches hears of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.config import ServiceLimits
from ops.core.locks import lock
from ops.runs.history import history_of
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("gc", []),  # the one that is running does the same work
        ("gc --dry-run", []),
        ("snapshot create", [("snapshot", "did not start")]),
        ("snapshot restore latest", []),
        ("undo", []),
    ],
)
def test_only_one_works_on_the_tree_at_a_time(tmp_path: Path, words: str, told: list[tuple[str, str]]) -> None:
    """S16: locks were files that a crash left behind."""
    stack = stack_in(tmp_path, services=SERVICES)
    with lock(stack.lock_file("storage"), "gc"):
        done = regops(stack.root, *words.split())
    assert done.returncode == 75
    assert "gc (process " in done.stderr
    assert [(run.task, run.state) for run in history_of(stack).runs()] == told


@pytest.mark.parametrize("words", [["undo"], ["snapshot", "restore", "latest", "--dry-run"]])
def test_a_restore_without_a_snapshot_says_what_makes_one(tmp_path: Path, words: list[str]) -> None:
    done = regops(stack_in(tmp_path, services=SERVICES).root, *words)
    assert done.returncode == 1
    assert "`regops snapshot create` makes one" in done.stderr


def test_there_are_no_snapshots_at_first(tmp_path: Path) -> None:
    stack = stack_in(tmp_path, services=SERVICES)
    for words in (["snapshot"], ["snapshot", "list"]):
        done = regops(stack.root, *words)
        assert (done.returncode, "all of them hold 0 Bytes" in done.stderr) == (0, True)
    assert json.loads(regops(stack.root, "snapshot", "--json").stdout)["snapshots"] == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("undo take", "snapshot create", 0),
        ("undo restore latest team/app:v1", "snapshot restore latest team/app:v1", 1),
        ("undo forget 20261125T040000.000000Z-gc", "snapshot delete 20261125T040000.000000Z-gc", 1),
        ("undo forget", "snapshot delete", 2),
    ],
)
def test_what_undo_was_before_still_works_and_names_the_new_command(tmp_path: Path, old: str, new: str, code: int) -> None:
    done = regops(stack_in(tmp_path, services=SERVICES).root, *old.split())
    assert done.returncode == code, done
    assert f"`regops {old}` is now `regops {new}`" in done.stderr


def test_undo_takes_one_tag(tmp_path: Path) -> None:
    assert regops(stack_in(tmp_path, services=SERVICES).root, "undo", "team/app:v1", "team/app:v2").returncode == 2
