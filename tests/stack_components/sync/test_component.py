"""What runs for the mirror, with which files, and what it may do."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from infra.blocks.upstreams import secret_names
from infra.regops import regops_part
from infra.server import server_parts
from ops.config import CATALOGUE_PART, MIRROR_FOLDER, RUNS_FOLDER, RUNS_MOUNT
from stack_components.spec import ComponentSpecs
from tests.declared import Declarations, below_root, declare
from tests.plans import CATALOGUE, EVERYTHING, MIRROR, plan_with
from tests.stack_components.specs import SPECS

ENTRIES = [{"source": "docker.io/library/alpine"}]
SCRIPTS = [{"name": "count", "repositories": ["ci/**"], "script": "log('')"}]
RULES = [{"repository": "ci/app", "tags": "ci-.*", "keep": 10}]


def of(*, hub: bool = False, catalogue: bytes | None = None, registry: dict[str, Any] | None = None, **sync: Any) -> Declarations:
    secrets = {"hub_user": "the-user", "hub_token": "the-token"} if hub else {}
    return declare({"sync": json.dumps(sync), "registry": json.dumps(registry or {}), **secrets}, catalogue=catalogue)


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


def test_a_mirror_with_a_catalogue_waits_and_reads_what_single_runs_shall_do() -> None:
    declared = of(hub=True, **MIRROR, catalogue=CATALOGUE)
    container = declared.named("regsync-container").inputs
    assert container["command"] == ["server", "--config", "/etc/regsync/idle/regsync.yml", "--logopt", "json"]
    targets = {mount["target"]: below_root(mount["source"]) for mount in container["mounts"]}
    assert targets.pop("/etc/regsync/idle").startswith("parts/regsync-")
    assert targets == {
        RUNS_MOUNT: RUNS_FOLDER,
        "/run/secrets/password": "secrets/regsync/password",
        "/run/secrets/hub_user": "secrets/hub_user",
        "/run/secrets/hub_token": "secrets/hub_token",
    }
    assert all(mount["readOnly"] for mount in container["mounts"])
    folders = declared.named("folders").inputs
    assert RUNS_FOLDER in folders["create"]
    assert MIRROR_FOLDER not in folders["delete"].split(), "what it has learned stays as long as the images"
    assert {RUNS_FOLDER, MIRROR_FOLDER} <= {
        *of(**MIRROR, catalogue=CATALOGUE, registry={"keep_data": False}).named("folders").inputs["delete"].split()
    }


@pytest.mark.parametrize("catalogue", [None, CATALOGUE], ids=["entries", "a catalogue"])
def test_regsync_reads_logins_at_any_registry_and_is_replaced_when_one_changes(catalogue: bytes | None) -> None:
    def built(token: str) -> dict[str, Any]:
        sync = MIRROR if catalogue else {"entries": ENTRIES}
        logins = {"registry.corp:5000": {"user": "robot", "token": token}}
        given = {"sync": json.dumps(sync), "upstream_logins": json.dumps(logins)}
        return declare(given, catalogue=catalogue).named("regsync-container").inputs

    before, after = built("hunter2"), built("hunter3")
    read = {mount["target"]: below_root(mount["source"]) for mount in before["mounts"]}
    for secret in secret_names("registry.corp:5000"):
        assert read[f"/run/secrets/{secret}"] == f"secrets/{secret}"
    changed = [one["target"] for one, other in zip(before["mounts"], after["mounts"], strict=True) if one != other]
    assert changed == [f"/run/secrets/{secret_names('registry.corp:5000')[1]}"]


def test_its_account_may_write_where_the_settings_say() -> None:
    accounts = json.loads(of(**MIRROR, catalogue=CATALOGUE).secret_files["live/gateway/rights.json"])["accounts"]
    rights = {account["name"]: account["access"] for account in accounts}
    assert rights["regsync"] == [{"repositories": name, "actions": ["pull", "push"]} for name in ("library/**", "mirror/tools")]


def test_an_edit_of_the_catalogue_changes_one_file_and_restarts_nothing() -> None:
    edited = CATALOGUE.replace(b"library/alpine", b"library/postgres")

    def built(catalogue: bytes) -> dict[str, str]:
        plan = plan_with(catalogue, **EVERYTHING | {"sync": MIRROR})
        made = [*ComponentSpecs(plan, SPECS).parts, *server_parts(plan), regops_part(plan, PurePosixPath("/srv/x"))]
        return {part.name: part.digest for part in made}

    before, after = built(CATALOGUE), built(edited)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {CATALOGUE_PART}

    one, other = (of(**MIRROR, catalogue=content) for content in (CATALOGUE, edited))
    assert one.keys() == other.keys()
    changed = {one[urn].name for urn in one if one[urn].inputs != other[urn].inputs}
    assert "release" in changed
    assert changed <= {"release", "doctor", "prune"}, "it is brought there, the stack is checked, and old releases go"
