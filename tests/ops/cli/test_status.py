"""`regops status` and `regops history` look at none of the registry's files, so they take as long with a million as with none."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.locks import lock
from ops.core.process import run
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.snapshots.store import SnapshotStore
from ops.runs.history import ENDED, Run, history_of
from ops.runs.marks import marks_of
from ops.stack.places import tree_of
from tests.ops.cli.test_app import regops
from tests.ops.registry.snapshots.test_store import fill
from tests.ops.runs.test_task import stack_in

# Runs `regops`, and prints which paths it opened, listed or looked up.
WATCHED = """
import os, sys
seen = set()
sys.addaudithook(lambda event, given: seen.add(str(given[0])) if event in {"open", "os.listdir", "os.scandir"} else None)
def watching(call):
    def look(path, *given, **more):
        seen.add(str(path))
        return call(path, *given, **more)
    return look
os.stat, os.lstat, os.access = map(watching, (os.stat, os.lstat, os.access))
from ops.cli.app import main
main(sys.argv[1:])
print(*seen, sep="\\n", file=sys.stderr)
"""
A_WEEK_AGO = (datetime.now(UTC) - timedelta(days=14)).isoformat(timespec="seconds")
SUCCESS = Run("1", "gc", A_WEEK_AGO, ENDED, "1:1", 1.0, 0, "freed 3 MB")


@pytest.mark.parametrize("verb", ["status", "history"])
def test_no_file_of_the_registry_or_of_a_snapshot_is_looked_at(tmp_path: Path, verb: str) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(SUCCESS)
    tree = tree_of(stack)
    fill(tree)
    SnapshotStore(stack.root / stack.config.snapshots, tree).create("gc", index_of(listing_of(tree)))
    words = [sys.executable, "-c", WATCHED, "--root", str(stack.root), verb]
    seen = run(words, timeout=60, cwd=PROJECT_FOLDER).stderr.splitlines()
    assert str(stack.data / "history.jsonl") in seen
    below = [path for path in seen if path.startswith(str(stack.root))]
    assert not [path for path in below if "registry" in path.removeprefix(str(stack.root)) or "snapshots" in path], below


@pytest.mark.parametrize("verb", ["status", "history"])
def test_they_load_nothing_that_only_tasks_need(tmp_path: Path, verb: str) -> None:
    stack = stack_in(tmp_path)
    code = "import sys; from ops.cli.app import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    loaded = run([sys.executable, "-c", code, "--root", str(stack.root), verb], timeout=60, cwd=PROJECT_FOLDER).stderr.split()
    assert "ops.runs.history" in loaded
    assert not {"prometheus_client", "ops.runs.task"} & set(loaded)


def test_a_collection_that_something_is_in_the_way_of_each_week_is_shown_with_the_remedy(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(SUCCESS)
    with lock(stack.lock_file("storage"), "snapshot"):
        assert regops(stack.root, "gc").returncode == 75
    found = json.loads(regops(stack.root, "status", "--json").stdout)
    (check,) = [check for check in found["checks"] if check["name"] == "gc"]
    assert check["state"] == "warning"
    assert "did not start 1 times in a row" not in check["detail"]
    assert "snapshot (process " in check["detail"]
    assert "last done 14 days ago" in check["detail"]
    assert "`regops gc` runs it" in check["remedy"]
    shown = regops(stack.root, "history", "--failed").stdout
    assert "did not start" in shown


def test_a_success_that_is_not_in_the_history_ends_what_the_last_failure_said(tmp_path: Path) -> None:
    stack = stack_in(tmp_path)
    history_of(stack).add(replace(SUCCESS, task="snapshot", exit_code=1))
    marks_of(stack).tried("snapshot", datetime.now(UTC).timestamp() - 60, well=True)
    shown = regops(stack.root, "status").stdout
    assert "ok       snapshot: ended, started a minute ago" in shown
