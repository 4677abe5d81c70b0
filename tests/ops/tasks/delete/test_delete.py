"""A tag is deleted from a real registry behind edge and gateway: after a snapshot, and only if it is what was seen."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from ops.config import ACTION_REQUESTS, REQUEST_FILE, request_folder
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.registry.restore.model import RestoreScope
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.runs.history import history_of
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.tags import tags
from ops.tasks.snapshot.run import preview
from tests.ops import command_line
from tests.ops.gateway.gateway_rig import PASSWORDS
from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.ops.runs.test_output import found
from tests.stack_components.sync.sync_rig import Rig, running_rig

pytestmark = pytest.mark.system

OTHER = f"sha256:{'0' * 64}"
RUNS = "20261129T224500-000"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("rig")) as running:
        running.configure()
        write_atomic(running.folder / "secrets/registry_user", "admin")
        write_atomic(running.folder / "secrets/registry_pass", PASSWORDS["admin"])
        yield running


def regops(rig: Rig, *words: str) -> Completed:
    return command_line.regops(rig.folder, *words, limit_s=120)


def tree(rig: Rig) -> RegistryTree:
    return RegistryTree(rig.folder / "registry")


def digest(rig: Rig, repository: str, tag: str) -> str:
    found = tree(rig).tagged(repository, tag)
    assert found is not None
    return found


def copy(rig: Rig, repository: str, tag: str, other: str) -> None:
    """Give an image another tag."""
    token = rig.target.token(f"repository:{repository}:pull,push", "admin")
    path, same = f"/v2/{repository}/manifests/{other}", rig.target.pull(repository, tag, token).content
    assert rig.target.request("PUT", path, token, content=same, headers={"Content-Type": MANIFEST_TYPE}).status_code == 201


def test_the_plan_says_what_stays_and_changes_nothing(rig: Rig) -> None:
    rig.push("team/planned", "v1")
    for tag in ("stable", "latest"):
        copy(rig, "team/planned", "v1", tag)
    rig.push("team/planned", "v2")
    shown = regops(rig, "delete", "team/planned:v1", "--dry-run")
    assert shown.returncode == 0
    assert "its image stays: latest (and 1 more) is the same" in shown.stderr
    alone = regops(rig, "delete", "team/planned:v2", "--dry-run")
    assert "the next garbage collection deletes the image" in alone.stderr
    plan = json.loads(regops(rig, "delete", "team/planned:v1", "--dry-run", "--json").stdout)["plan"]
    assert (plan["digest"], plan["others"]) == (digest(rig, "team/planned", "v1"), ["latest", "stable"])
    assert rig.tags("team/planned") == ["latest", "stable", "v1", "v2"]
    assert SnapshotStore(rig.folder / "snapshots", tree(rig)).all() == []


def test_it_is_gone_and_the_snapshot_would_bring_it_back(rig: Rig) -> None:
    rig.push("team/app", "v1", "v2")
    was = digest(rig, "team/app", "v1")
    done = regops(rig, "delete", "team/app:v1", "--expect", was, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]
    assert rig.tags("team/app") == ["v2"]
    plan = preview(Stack(rig.folder), report["snapshot"], RestoreScope.of("team/app:v1"))
    assert plan.tags == ("team/app:v1",)
    assert preview(Stack(rig.folder), report["snapshot"], RestoreScope.of("")).tags == ("team/app:v1",), "without a name, too"
    assert history_of(Stack(rig.folder)).runs()[-1].summary == f"deleted team/app:v1, which was {was}"
    again = regops(rig, "delete", "team/app:v1")
    assert (again.returncode, "there is no team/app:v1" in again.stderr) == (1, True)


@pytest.mark.parametrize("damage", ["left", "deleted", "damaged"])
def test_a_tag_that_nobody_can_pull_is_deleted_as_the_doctor_says(rig: Rig, damage: str) -> None:
    name = f"team/{damage}"
    rig.push(name, "v1", "v2")
    was, stack = digest(rig, name, "v1"), Stack(rig.folder)
    match damage:
        case "left":
            tree(rig).tag(name, "v1").unlink()
        case "deleted":
            tree(rig).revision(name, was).unlink()
        case "damaged":
            tree(rig).tag(name, "v1").write_text("")
    old = time.time() - 2 * stack.config.gc.min_age_hours * 3600
    for path in tree(rig).repository(name).rglob("*"):
        os.utime(path, (old, old))
    check = tags(stack)
    assert check.remedy.startswith(f"`regops delete {name}:v1` ")
    assert rig.tags(name) == ["v1", "v2"]
    done = regops(rig, *check.remedy.split("`")[1].split()[1:])
    assert done.returncode == 0, done.stderr
    assert rig.tags(name) == ["v2"]
    assert tags(stack).state == "ok"
    if damage != "deleted":
        made = SnapshotStore(rig.folder / "snapshots", tree(rig)).all()[-1].name
        assert preview(stack, made, RestoreScope.of("")).missing == 0, "what nobody could pull does not come back"


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
@pytest.mark.parametrize(("name", "expect"), [("v1", OTHER), ("v1", "nothing"), ("none", OTHER)])
def test_what_is_not_what_was_seen_stays(rig: Rig, words: list[str], name: str, expect: str) -> None:
    rig.push("team/stale", "v1")
    done = regops(rig, "delete", f"team/stale:{name}", "--expect", expect, *words)
    assert done.returncode == 1
    assert "look at the plan again" in done.stderr
    assert rig.tags("team/stale") == ["v1"]


@pytest.mark.parametrize("name", ["team/app", "team/app:", ":v1", "team/app@sha256:1", "../x:v1", "team/app:../v1", ""])
def test_what_is_no_tag_is_refused(rig: Rig, name: str) -> None:
    done = regops(rig, "delete", name)
    assert (done.returncode, "is not REPOSITORY:TAG" in done.stderr) == (1, True)


def test_who_asked_in_the_console_is_in_the_history_and_a_stale_request_does_nothing(rig: Rig) -> None:
    rig.push("team/asked", "v1", "v2")
    file, was = rig.folder / request_folder(ACTION_REQUESTS) / REQUEST_FILE, digest(rig, "team/asked", "v1")
    what = {"action": "delete", "repository": "team/asked", "tag": "v1", "expect": was}
    for number, dry_run in enumerate([True, False, False]):
        write_atomic(file, json.dumps({"run": f"{RUNS}{number}", "by": "ann", "dry_run": dry_run, "what": what}))
        done = regops(rig, "requests", "run")
        assert done.returncode == 0, done.stderr
        if number == 1:
            assert rig.tags("team/asked") == ["v2"]
            copy(rig, "team/asked", "v2", "v1")
    assert rig.tags("team/asked") == ["v1", "v2"]
    stack = Stack(rig.folder)
    outputs = [found(stack, f"{RUNS}{number}") for number in range(3)]
    assert [one.exit_code for one in outputs] == [0, 0, 1]
    assert outputs[0].lines[0] == f"to delete: team/asked:v1, which is {was}"
    assert "look at the plan again" in outputs[2].lines[-1]
    asked = [(run.task, run.exit_code) for run in history_of(stack).runs() if run.by == "ann"]
    assert asked == [("delete", 0), ("delete", 1)]
