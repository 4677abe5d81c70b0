"""The console on an emulated server: what it shows, what it may not, and tasks that it asks the host for."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

import pytest

from tests.engine.servers import ROOT, Server
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
    assert "Nobody has pulled anything" not in curl(server, "/clients")


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


def test_nobody_sees_the_status_unless_the_settings_say_so(server: Server) -> None:
    assert server.run("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/status") == "401"
