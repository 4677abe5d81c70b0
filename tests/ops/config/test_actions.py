"""The actions that can be asked for: a closed list, whose arguments are what they say, and no words of their own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ops.config import ActionRequest

RUN, DIGEST, OTHER = "20261129T224500-0123456789abcdef", f"sha256:{'a' * 64}", f"sha512:{'B' * 128}"
SNAPSHOT = "20261125T040000.000000Z-before-restore"
DELETE = {"action": "delete", "repository": "team/app", "tag": "v1.0_x-2", "expect": DIGEST}
RESTORE = {"action": "restore", "repository": "team/app", "tag": "v1", "snapshot": SNAPSHOT, "expect": "nothing"}
BACKED_UP = {"action": "restore", "repository": "a", "tag": "v1", "before": "2026-11-29T10:00:00+01:00", "expect": OTHER}


def request(what: dict[str, Any], **more: Any) -> ActionRequest:
    return ActionRequest.model_validate({"run": RUN, "by": "ann", "what": what, **more})


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (DELETE, f"delete team/app:v1.0_x-2 --expect {DIGEST}"),
        (RESTORE, f"snapshot restore {SNAPSHOT} team/app:v1 --overwrite --expect nothing"),
        (BACKED_UP, f"restore a:v1 --at 2026-11-29T10:00:00+01:00 --overwrite --expect {OTHER}"),
        ({"action": "undo", "snapshot": SNAPSHOT}, f"snapshot restore {SNAPSHOT}"),
        ({"action": "unban", "network": "203.0.113.7"}, "unban 203.0.113.7"),
        ({"action": "unban", "network": "198.51.100.0/25"}, "unban 198.51.100.0/25"),
        ({"action": "unban", "network": "2001:db8::/32"}, "unban 2001:db8::/32"),
    ],
)
def test_each_is_a_command_and_its_plan_changes_nothing(what: dict[str, Any], words: str) -> None:
    assert " ".join(request(what).words()) == f"{words} --dry-run"
    assert " ".join(request(what, dry_run=False).words()) == words
    assert ActionRequest.model_validate_json(request(what).model_dump_json()) == request(what)


@pytest.mark.parametrize(("task", "words"), [("gc", "gc"), ("retention", "retention"), ("prune", "backups prune")])
def test_of_a_task_there_is_only_the_plan(task: str, words: str) -> None:
    for dry_run in (True, False):
        assert " ".join(request({"action": "plan", "task": task}, dry_run=dry_run).words()) == f"{words} --dry-run"


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"action": "gc"},
        {"action": "rm -rf", "repository": "a"},
        {"action": "plan", "task": "sync"},
        {"action": "undo", "snapshot": "latest"},
        {"action": "undo", "snapshot": "../../registry"},
        {"action": "undo", "snapshot": "--all"},
        {"action": "unban", "network": "--all"},
        {"action": "unban", "network": "0.0.0.0/33"},
        {"action": "unban", "network": "198.51.100.1/24"},
        {"action": "unban", "network": "registry.example.com"},
        {"action": "unban", "network": 7},
        {**DELETE, "tag": "--all"},
        {**DELETE, "tag": "v1 --dry-run"},
        {**DELETE, "tag": "v1\n"},
        {**DELETE, "tag": "../v1"},
        {**DELETE, "tag": "v" * 129},
        {**DELETE, "repository": "--root"},
        {**DELETE, "repository": "team/../app"},
        {**DELETE, "repository": "Team"},
        {**DELETE, "repository": "team/app\n"},
        {**DELETE, "repository": "a" * 256},
        {**DELETE, "expect": "nothing"},
        {**DELETE, "expect": "v2"},
        {**DELETE, "expect": ""},
        {**DELETE, "force": True},
        {key: value for key, value in DELETE.items() if key != "expect"},
        {key: value for key, value in RESTORE.items() if key != "snapshot"},
        {**RESTORE, "before": "2026-11-29T10:00:00Z"},
        {**BACKED_UP, "before": "2026-11-29T10:00:00"},
        {**BACKED_UP, "before": "7d"},
    ],
)
def test_nothing_else_is_an_action(what: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(what)


@pytest.mark.parametrize("more", [{"run": "../x"}, {"run": "20261129T224500"}, {"by": ""}, {"by": "a" * 129}, {"as": "root"}])
def test_who_asks_and_for_which_run_are_short_words(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        request(DELETE, **more)
