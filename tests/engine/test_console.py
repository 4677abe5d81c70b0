"""The console on an emulated server: what it shows, what it may not, and tasks that it asks the host for."""

from __future__ import annotations

import html
import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from ops.core.process import CommandError
from tests.engine.servers import ROOT, Server
from tests.ops.console.console_rig import forms
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

SEEN = "/srv/stack"
_ASKED_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def server(rented: EmulatedStack) -> Server:
    return Server(rented)


def curl(server: Server, path: str, *options: str) -> str:
    """Return what the operator's browser gets on the server itself, over plain HTTP."""
    login = f"$(cat {ROOT}/secrets/registry_user):$(cat {ROOT}/secrets/registry_pass)"
    return server.run(f'curl -sS --user "{login}" {shlex.join(options)} "http://127.0.0.1:8080{path}"')


def test_it_shows_what_tasks_have_left(server: Server) -> None:
    made = server.run("regops snapshot create").split()[1].rstrip(";")
    server.run("regops doctor")
    home = curl(server, "/")
    assert "<strong>registry</strong>: answers" in home
    assert "cannot be read" not in home
    assert ">doctor<" in curl(server, "/tasks")
    assert made in curl(server, "/undo")
    give_up = time.monotonic() + _ASKED_LIMIT_S
    while "Nobody has pulled anything" in curl(server, "/clients"):
        assert time.monotonic() < give_up, "what the doctor has pulled is read behind the pages"
        time.sleep(2)


def test_it_may_read_what_it_shows_and_change_none_of_it(server: Server) -> None:
    for folder in ("data/registry", "data/regops", "data/snapshots", "data/gateway", "logs/edge"):
        said = server.run(f"docker exec {server.stack.name}-console touch {SEEN}/{folder}/x 2>&1 || true")
        assert "Read-only" in said
    assert server.run(f"docker exec {server.stack.name}-console ls {SEEN}/data").split() == [
        "gateway",
        "registry",
        "regops",
        "requests",
        "snapshots",
    ]


def test_the_host_runs_what_an_operator_asks_for_and_notes_who(server: Server) -> None:
    answer = curl(server, "/tasks/changes", "--request", "POST", "--header", "Origin: http://127.0.0.1:8080", "--include")
    assert " 303 " in answer.splitlines()[0], answer
    give_up = time.monotonic() + _ASKED_LIMIT_S
    while not (runs := asked(server, "changes")):
        assert time.monotonic() < give_up, server.run("systemctl status regops-changes.path regops-changes.service || true")
        time.sleep(1)
    assert {run["by"] for run in runs} == {server.run(f"cat {ROOT}/secrets/registry_user")}
    assert server.run(f"ls -A {ROOT}/data/requests/changes") == ""


def asked(server: Server, task: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(server.run(f"regops history --task {task} --json"))["runs"]
    return [run for run in runs if run["by"]]


def test_another_site_asks_for_nothing(server: Server) -> None:
    answer = curl(server, "/tasks/gc", "--request", "POST", "--header", "Origin: https://evil.example", "--include")
    assert " 403 " in answer.splitlines()[0], answer
    assert server.run(f"ls -A {ROOT}/data/requests/gc") == ""


def press(server: Server, page: str, button: str) -> str:
    """Press a page's first button of this name, as a browser does; return the page that this leads to, once it is at its end."""
    action, fields = forms(page, button)[0]
    sent = [word for name, value in fields.items() for word in ("--data-urlencode", f"{name}={value}")]
    answer = curl(server, action, *sent, "--header", "Origin: http://127.0.0.1:8080", "--include", "--request", "POST")
    assert " 303 " in answer.splitlines()[0], answer
    (place,) = [line.split()[1] for line in answer.splitlines() if line.lower().startswith("location:")]
    give_up = time.monotonic() + _ASKED_LIMIT_S
    while 'http-equiv="refresh"' in (shown := curl(server, place, "--fail", "--retry", "5")):
        assert time.monotonic() < give_up, server.run("systemctl status regops-requests.path regops-requests.service || true")
        time.sleep(1)
    return html.unescape(shown)


def test_an_operator_deletes_a_tag_and_gives_it_back(server: Server, tmp_path: Path) -> None:
    client = Client.of_operator(server.stack.stack.outputs(), tmp_path)
    client.push("team/given:1")
    digest = client.digest("team/given:1")
    server.run("regops changes; regops snapshot create")
    plan = press(server, curl(server, "/images/team/given:1"), "Show what deleting it means")
    assert f"to delete: team/given:1, which is {digest}" in plan
    assert client.digest("team/given:1") == digest, "it is a plan"
    assert "brings it back" in press(server, plan, "Delete it")
    with pytest.raises(CommandError):
        client.digest("team/given:1")
    again = press(server, plan, "Delete it")
    assert "look at the plan again" in again, "it is stale"
    server.run("regops changes")
    back = press(server, curl(server, "/images/team/given:1"), "Give back")
    assert "with 1 tags" in back
    press(server, back, "Give it back")
    assert client.digest("team/given:1") == digest
    user = server.run(f"cat {ROOT}/secrets/registry_user")
    done = [(run["task"], run["exit_code"], run["by"]) for task in ("delete", "restore") for run in asked(server, task)[-2:]]
    assert done[:3] == [("delete", 0, user), ("delete", 1, user), ("restore", 0, user)]


def test_what_was_deleted_comes_back_from_a_backup(server: Server, tmp_path: Path) -> None:
    client = Client.of_operator(server.stack.stack.outputs(), tmp_path)
    digest = client.push("team/kept:1")
    # A backup is known to have had it that began after it came, by the second, and ended before it went.
    server.run("regops changes; sleep 2; regops backup; sleep 2")
    server.run("regops delete team/kept:1; regops changes")
    server.run(f"for one in $(ls {ROOT}/data/snapshots); do regops snapshot delete $one; done")
    plan = press(server, curl(server, "/images/team/kept:1"), "Give back")
    assert "missing: team/kept:1" in plan
    assert "from backup" in press(server, plan, "Give it back")
    assert client.digest("team/kept:1") == digest


@pytest.mark.parametrize(("task", "said"), [("gc", "to delete: "), ("prune", "would remove 0 backups")])
def test_what_would_be_deleted_is_shown_before_it_is(server: Server, task: str, said: str) -> None:
    tasks = curl(server, "/tasks")
    assert forms(tasks, f"Run {task}") == []
    plan = press(server, tasks, f"Show what {task} would delete")
    assert said in plan
    assert len(forms(plan, f"Run {task}")) == 1


def test_what_is_on_no_list_is_dropped_and_told(server: Server) -> None:
    folder = f"{ROOT}/data/requests/action"
    server.run(f"""echo '{{"what": {{"action": "rm -rf /"}}}}' > {folder}/.x && mv {folder}/.x {folder}/asked""")
    give_up = time.monotonic() + _ASKED_LIMIT_S
    while not (runs := json.loads(server.run("regops history --task requests --json"))["runs"]):
        assert time.monotonic() < give_up, server.run("systemctl status regops-requests.path regops-requests.service || true")
        time.sleep(1)
    assert [run["exit_code"] for run in runs] == [10]
    assert server.run(f"ls -A {folder}") == ""
    assert "Read-only" in server.run(f"docker exec {server.stack.name}-console touch {SEEN}/data/regops/output/x 2>&1 || true")
    server.run("regops requests run; systemctl reset-failed regops-requests.service")


def test_nobody_sees_the_status_unless_the_settings_say_so(server: Server) -> None:
    assert server.run("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/status") == "401"
