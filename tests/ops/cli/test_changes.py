"""`regops changes` as somebody types it, on a tree that is laid out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.config.notify import NotifySettings
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack
from tests.ops.cli.test_app import regops
from tests.ops.runs.test_task import stack_in

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PHONE = NotifySettings.model_validate({"channels": {"phone": {"kind": "ntfy", "server": "http://127.0.0.1:9", "topic": "t"}}})


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    stack = stack_in(tmp_path, notify=PHONE)
    tag(stack, "app", "v1.0.0", OLD)
    tag(stack, "app", "latest", OLD)
    return stack


def tag(stack: Stack, repository: str, name: str, digest: str | None) -> None:
    link = RegistryTree(stack.root / "data/registry").tag(repository, name)
    if digest is None:
        link.unlink()
        link.parent.rmdir()
        link.parent.parent.rmdir()
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.write_text(digest)


def letters(stack: Stack) -> list[str]:
    return [
        json.loads(path.read_text())["letter"]["message"]["title"] for path in sorted(stack.data.glob("outbox/phone/new/*.json"))
    ]


def test_the_first_look_begins_the_ledger_and_tells_nobody(stack: Stack) -> None:
    done = regops(stack.root, "changes")
    assert (done.returncode, done.stdout) == (0, "the ledger starts here: 2 tags in 1 repositories\n")
    assert letters(stack) == []


def test_changes_are_shown_told_and_remembered(stack: Stack) -> None:
    regops(stack.root, "changes")
    tag(stack, "app", "v1.0.0", NEW)
    tag(stack, "web", "1", NEW)
    tag(stack, "app", "latest", None)
    done = regops(stack.root, "changes", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3  # a version has moved
    assert [(one["repository"], one["tag"], one["kind"]) for one in document["changes"]] == [
        ("app", "latest", "removed"),
        ("app", "v1.0.0", "moved"),
        ("web", "1", "added"),
    ]
    assert letters(stack) == ["1 tag added, 1 tag moved, 1 tag removed", "1 version tag moved", "changes has warnings"]
    assert regops(stack.root, "changes").returncode == 0
    assert letters(stack)[-1] == "Resolved: changes has warnings"
    since = json.loads(regops(stack.root, "changes", "--since", "1h", "--json").stdout)
    assert len(since["changes"]) == 5


def test_the_ledger_answers_what_was_and_what_is(stack: Stack) -> None:
    regops(stack.root, "changes")
    tag(stack, "app", "v1.0.0", NEW)
    regops(stack.root, "changes")
    now = regops(stack.root, "changes", "at", "now").stdout.splitlines()
    assert now == [f"app:latest@{OLD}", f"app:v1.0.0@{NEW}"]
    assert regops(stack.root, "changes", "at", "2020-01-01").stdout.startswith("note: the ledger starts")
    history = json.loads(regops(stack.root, "changes", "history", "app:v1.0.0", "--json").stdout)
    assert [one["kind"] for one in history["changes"]] == ["baseline", "moved"]


def test_what_cannot_be_read_is_unknown_and_not_removed(stack: Stack) -> None:
    regops(stack.root, "changes")
    RegistryTree(stack.root / "data/registry").tag("app", "latest").write_text("")
    done = regops(stack.root, "changes")
    assert done.returncode == 3
    assert "unknown: app:latest: " in done.stdout
    assert "removed" not in done.stdout


@pytest.mark.parametrize("words", [["--since", "soon"], ["at", "soon"], ["history", "app"]])
def test_what_is_no_time_or_no_tag_is_a_wrong_use(stack: Stack, words: list[str]) -> None:
    done = regops(stack.root, "changes", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_registry_without_a_tree_is_told(tmp_path: Path) -> None:
    done = regops(stack_in(tmp_path).root, "changes")
    assert done.returncode != 0
    assert str(tmp_path / "data/registry") in done.stderr
    assert "Traceback" not in done.stderr
