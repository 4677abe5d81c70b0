"""What runs for the mirror, with which files, and what it may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.declared import Declarations, below_root, declare

ENTRIES = [{"source": "docker.io/library/alpine"}]
SCRIPTS = [{"name": "count", "repositories": ["ci/**"], "script": "log('')"}]
RULES = [{"repository": "ci/app", "tags": "ci-.*", "keep": 10}]


def of(*, hub: bool = False, **sync: Any) -> Declarations:
    secrets = {"hub_user": "the-user", "hub_token": "the-token"} if hub else {}
    return declare({"sync": json.dumps(sync), **secrets})


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return of(entries=ENTRIES, scripts=SCRIPTS)


@pytest.mark.parametrize("name", ["regsync", "regbot"])
def test_a_tool_reads_its_configuration_and_its_password(declared: Declarations, name: str) -> None:
    container = declared.named(f"{name}-container").inputs
    assert container["command"] == ["server", "--config", f"/etc/{name}/{name}.yml", "--logopt", "json"]
    targets = {mount["target"]: below_root(mount["source"]) for mount in container["mounts"]}
    assert targets[f"/etc/{name}"].startswith(f"parts/{name}-")
    assert targets["/run/secrets/password"] == f"secrets/{name}/password"
    assert all(mount["readOnly"] for mount in container["mounts"])


@pytest.mark.parametrize("name", ["regsync", "regbot"])
def test_a_tool_has_no_right_beyond_the_rule(declared: Declarations, name: str) -> None:
    container = declared.named(f"{name}-container").inputs
    assert container["user"].partition(":")[0] not in {"", "0"}
    assert (container["readOnly"], container["capabilities"]) == (True, {"adds": [], "drops": ["ALL"]})


def test_each_tool_has_a_password_of_its_own_which_the_gateway_knows(declared: Declarations) -> None:
    files = declared.secret_files
    assert files["regsync/password"] != files["regbot/password"]
    assert [account["name"] for account in json.loads(files["live/gateway/rights.json"])["accounts"]] == [
        "admin",
        "regsync",
        "regbot",
    ]


def test_regsync_alone_reads_the_logins_that_are_set() -> None:
    declared = of(entries=ENTRIES, scripts=SCRIPTS, hub=True)
    read = {
        name: {mount["target"] for mount in declared.named(f"{name}-container").inputs["mounts"]}
        for name in ("regsync", "regbot")
    }
    assert read["regsync"] == {"/etc/regsync", "/run/secrets/password", "/run/secrets/hub_user", "/run/secrets/hub_token"}
    assert read["regbot"] == {"/etc/regbot", "/run/secrets/password"}


@pytest.mark.parametrize(
    ("sync", "running"),
    [
        ({}, set()),
        ({"entries": ENTRIES}, {"regsync"}),
        ({"scripts": SCRIPTS}, {"regbot"}),
        ({"retention": RULES}, {"retention"}),
        ({"enabled": False, "entries": ENTRIES, "scripts": SCRIPTS, "retention": RULES}, set()),
    ],
)
def test_what_has_nothing_to_do_does_not_run(sync: dict[str, Any], running: set[str]) -> None:
    declared = of(**sync)
    containers = {container.inputs["hostname"] for container in declared.of_type("docker:index/container:Container")}
    assert containers & {"regsync", "regbot", "retention"} == running - {"retention"}
    passwords = {"sync_password": "regsync", "script_password": "regbot", "retention_password": "retention"}
    commands = {command.name for command in declared.of_type("command:local:Command")}
    assert {passwords[name] for name in commands & passwords.keys()} == running


def test_the_host_is_told_which_tags_go_and_how_to_sign_in() -> None:
    declared = of(retention=RULES)
    files = declared.secret_files
    names = [account["name"] for account in json.loads(files["live/gateway/rights.json"])["accounts"]]
    assert (names, bool(files["retention/password"])) == (["admin", "retention"], True)
