"""`regops` on a stack that the program made: each of the operator's questions is answered by one command."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import CommandError, Completed, run
from ops.runs.history import ENDED, History, Run
from tests.engine.stacks import TestStack, new_stack
from tests.ops import command_line
from tools.emulation.client import Client

MADE_UP = "9"  # how ids of runs begin that were none
# What a remedy says to type, and which file it says to remove.
_COMMAND, _REMOVED = re.compile("`([^`]+)`"), re.compile(r"remove (\S+)")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack whose garbage collection also takes what has just been written."""
    with new_stack(tmp_path_factory.mktemp("regops"), {"operations": {"gc": {"min_age_hours": 0, "max_share": 1}}}) as stack:
        stack.outputs = stack.open().up(stream=False)
        yield stack


@pytest.fixture(scope="module")
def client(stack: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    made = Client(stack.outputs["registry"], tmp_path_factory.mktemp("client"))
    made.login(stack.outputs["registry_user"], stack.outputs["registry_pass"])
    return made


def regops(stack: TestStack, *words: str) -> Completed:
    return command_line.regops(stack.root, *words, limit_s=120)


def answer(stack: TestStack, *words: str) -> dict[str, Any]:
    """Return the JSON of a command that succeeded."""
    done = regops(stack, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def states(document: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in document["checks"]}


def test_is_it_healthy(stack: TestStack) -> None:
    assert states(answer(stack, "status"))["services"] == "ok"
    seen = states(answer(stack, "doctor"))
    assert {"disk", "read-only mode", "files", "services", "versions", "certificate", "answers", "push", "pull"} <= seen.keys()
    assert not {"failed", "warning"} & set(seen.values())


def test_what_is_wrong_is_named_with_its_remedy(stack: TestStack) -> None:
    cache = stack.containers()["cache"]
    cache.stop()
    try:
        done = regops(stack, "status")
    finally:
        cache.start()
    assert done.returncode == 1
    assert "failed   cache: not running: exited" in done.stderr
    assert f"remedy: `docker start {cache.name}` starts it; `docker logs {cache.name}` says why it ended" in done.stderr


def test_every_remedy_does_literally_what_it_is_printed_for(stack: TestStack) -> None:
    containers, history = stack.containers(), History(stack.root / "data/regops/history.jsonl")
    containers["gateway"].remove(force=True)
    containers["registry"].stop()
    containers["edge"].pause()
    containers["cache"].update(mem_limit="96m", memswap_limit="96m")
    edited = stack.root / "current/gateway/gateway.json"
    edited.write_text(edited.read_text() + " ")
    (stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE).touch()
    now = datetime.now(UTC).isoformat()
    history.add(Run(MADE_UP, "gc", now, process="0:0"))
    for number, task in enumerate(("changes", "snapshot", "restore")):
        history.add(Run(f"{MADE_UP}{number}", task, now, ENDED, "1:1", 1.0, 1, "it failed"))
    found = checks(stack)
    wrong = set(wrong_in(found))
    services = {"gateway", "registry", "edge", "cache"}
    assert wrong >= {*services, "files", "read-only mode", "gc", "changes", "snapshot"}
    assert "restore" not in wrong
    assert [name for name in wrong if not found[name]["remedy"]] == []
    # One `up` for all, and last: it would do what others are for.
    words = {word for name in wrong for word in _COMMAND.findall(found[name]["remedy"])}
    for name in wrong:
        for path in _REMOVED.findall(found[name]["remedy"]):
            Path(stack.root, path).unlink(missing_ok=True)
    showing = {command for command in words if command.startswith(("docker logs ", "regops status"))}
    for command in sorted(words - showing - {"up"}):
        done(stack, command)
    assert "up" in words
    stack.open().up(stream=False)
    for command in sorted(showing):
        done(stack, command)
    give_up = time.monotonic() + 60
    # Its work was rolled back, and not done: that is another finding, with another remedy.
    while (left := wrong_in(checks(stack)).keys() - {"gc"}) and time.monotonic() < give_up:
        time.sleep(1)
    assert not left, checks(stack)
    done(stack, "regops gc --dry-run")
    done(stack, "regops gc")
    done(stack, "regops doctor")  # the one before still tells of it
    assert states(answer(stack, "status"))["gc"] == "ok"


def checks(stack: TestStack) -> dict[str, dict[str, str]]:
    """What the doctor finds, by the name of the check."""
    return {check["name"]: check for check in json.loads(regops(stack, "doctor", "--patience", "0", "--json").stdout)["checks"]}


def wrong_in(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Those of what the doctor finds that are not as they should be."""
    return {name: check for name, check in found.items() if check["state"] in {"failed", "warning"}}


def done(stack: TestStack, command: str) -> None:
    """Run a command of a remedy as it stands there."""
    words = shlex.split(command)
    ended = regops(stack, *words[1:]) if words[0] == "regops" else run(words, timeout=60, check=False)
    assert ended.returncode in {0, 3}, (command, ended)


def test_what_has_changed_and_who_did_it(stack: TestStack, client: Client) -> None:
    regops(stack, "changes")
    digest = client.push("team/app:v1.0.0", size=1 << 16)
    (change,) = answer(stack, "changes")["changes"]
    operator = stack.outputs["registry_user"]
    assert (change["repository"], change["tag"], change["new"], change["actor"]) == ("team/app", "v1.0.0", digest, operator)
    assert answer(stack, "changes", "at", "now")["repositories"]["team/app"] == {"v1.0.0": digest}


def test_how_much_a_collection_would_free_what_it_does_and_its_undo(stack: TestStack, client: Client) -> None:
    kept, gone = client.push("team/app:kept", size=1 << 16), client.push("team/app:gone", size=1 << 18)
    client.delete("team/app:gone")
    plan = answer(stack, "gc", "--dry-run")["plan"]
    assert plan["size"] > 1 << 18
    assert client.digest(f"team/app@{gone}") == gone  # nothing was deleted
    report = answer(stack, "gc")["report"]
    assert report["removed_blobs"] >= 3
    assert report["problems"] == []
    assert client.digest("team/app:kept") == kept
    with pytest.raises(CommandError, match="MANIFEST_UNKNOWN"):
        client.digest(f"team/app@{gone}")
    assert answer(stack, "undo", "--dry-run")["plan"]["missing"] > 0
    answer(stack, "undo")
    client.pull(f"team/app@{gone}")
    assert "gc" in [one["why"] for one in answer(stack, "snapshot")["snapshots"]]


def test_a_tag_that_was_overwritten_or_deleted_comes_back(stack: TestStack, client: Client) -> None:
    first = client.push("team/web:1", size=1 << 16)
    name = answer(stack, "snapshot", "create")["snapshot"]
    second = client.push("team/web:1", size=1 << 16)
    assert answer(stack, "snapshot", "restore", name, "team/web:1", "--dry-run")["plan"]["differing"][0]["now"] == second
    report = answer(stack, "snapshot", "restore", name, "team/web:1", "--overwrite")["report"]
    assert client.digest("team/web:1") == first
    client.delete("team/web:1")
    answer(stack, "snapshot", "restore", report["before"], "team/web:1")  # reverts the restore
    assert client.digest("team/web:1") == second


def test_the_registry_and_its_tree_tell_the_same(stack: TestStack) -> None:
    answer(stack, "changes")
    assert answer(stack, "changes", "--api")["changes"] == []


def test_a_push_after_a_collection_is_whole(stack: TestStack, client: Client) -> None:
    """The cache still knew the deleted layers: https://github.com/distribution/distribution/issues/2945."""
    client.push("team/again:1", size=1 << 16, seed=1)
    client.delete("team/again:1")
    answer(stack, "gc", "--no-undo")
    client.push("team/again:1", size=1 << 16, seed=1)
    client.pull("team/again:1")


def test_what_has_run_and_how_it_ended(stack: TestStack) -> None:
    told = answer(stack, "history", "--last", "100")["runs"]
    runs = [one for one in told if not one["run_id"].startswith(MADE_UP)]
    assert {"doctor", "gc", "restore"} <= {one["task"] for one in runs}
    assert {one["state"] for one in runs} == {"ended"}
    assert not list(Path(stack.root / READ_ONLY_FOLDER).iterdir())
