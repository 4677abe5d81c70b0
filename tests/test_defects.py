"""Defects of configuration of the hand-kept system that this project replaces, by their numbers: none of them is here again."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from infra.images import load_lock
from infra.project import LOCK
from infra.settings import SettingsError
from stack_components import cache, edge, gateway, monitoring, registry, sync, ui
from stack_components.spec import ComponentSpecs
from tests.declared import Declarations, declare
from tests.plans import EVERYTHING, plan_of

CONTAINER = "docker:index/container:Container"


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare({key: value if isinstance(value, str) else json.dumps(value) for key, value in EVERYTHING.items()})


@pytest.fixture(scope="module")
def secret_files(declared: Declarations) -> dict[str, str]:
    return declared.secret_files


@pytest.fixture(scope="module")
def parts() -> dict[str, str]:
    """The text of every file of the release, by `part/path`."""
    specs = [one.SPEC for one in (cache, edge, gateway, monitoring, registry, sync, ui)]
    found = ComponentSpecs(plan_of(**EVERYTHING), specs).parts
    return {f"{part.name}/{path}": content.decode() for part in found for path, content in part.files.items()}


def inputs(declared: Declarations, service: str) -> dict[str, Any]:
    return declared.named(f"{service}-container", CONTAINER).inputs


def test_s9_everybody_may_pull_and_the_edge_asks_nobody_for_a_password_at_the_registry(
    parts: dict[str, str], secret_files: dict[str, str]
) -> None:
    # With Basic authentication on every request nobody pulls without an account; with it on writes only, Docker cannot push.
    registry_routes = parts["edge/snippets.d/registry.caddy"]
    assert "basic_auth" not in registry_routes
    assert "sign_on" not in registry_routes.partition("handle @registry")[2].partition("handle")[0]
    assert set(yaml.safe_load(secret_files["registry/config.yml"])["auth"]) == {"token"}
    anonymous = json.loads(secret_files["live/gateway/rights.json"])["anonymous"]
    assert anonymous == [{"repositories": "**", "actions": ["pull"]}]


def test_s10_scanners_are_kept_from_the_registry_too_and_no_layer_is_read_into_memory(parts: dict[str, str]) -> None:
    sites = [block for block in parts["edge/sites.d/sites.caddy"].split("\n\n") if "import registry" in block]
    assert len(sites) == 2
    assert all("import bouncer" in site for site in sites)
    assert parts["edge/snippets.d/bouncer.caddy"] == "(bouncer) {\n\tcrowdsec\n}\n"
    assert not any("appsec" in text for path, text in parts.items() if path.startswith("edge/"))


def test_s11_cadvisor_finds_containers_without_being_privileged_or_published(declared: Declarations) -> None:
    cadvisor = inputs(declared, "cadvisor")
    assert "privileged" not in cadvisor
    assert cadvisor["ports"] == []
    version = load_lock(LOCK)["cadvisor"].version.removeprefix("v")
    assert tuple(map(int, version.split("."))) >= (0, 56, 2)


@pytest.mark.parametrize("version", ["v0.53.0", "v0.55.1"])
def test_s11_a_cadvisor_that_finds_none_is_refused(tmp_path_factory: pytest.TempPathFactory, version: str) -> None:
    lock = tmp_path_factory.mktemp("lock") / "images.lock"
    entries = yaml.safe_load(LOCK.read_text())
    entries["cadvisor"] = {"image": f"ghcr.io/google/cadvisor:{version}@sha256:{'0' * 64}"}
    lock.write_text(yaml.safe_dump(entries))
    with pytest.raises(SettingsError, match=r"cadvisor: .*:v0\.5.* Docker 29"):
        load_lock(lock, floors=LOCK)


def test_s12_cache_and_debug_port_stand_where_the_registry_looks_for_them(secret_files: dict[str, str]) -> None:
    config = yaml.safe_load(secret_files["registry/config.yml"])
    assert not {"cache", "debug"} & set(config)
    assert config["storage"]["cache"] == {"blobdescriptor": "redis"}
    assert config["http"]["debug"]["prometheus"] == {"enabled": True, "path": "/metrics"}


def test_s13_alerts_have_rules_and_somebody_who_sends_them(declared: Declarations, parts: dict[str, str]) -> None:
    assert inputs(declared, "alertmanager")
    assert inputs(declared, "node-exporter")
    config = next(yaml.safe_load(text) for path, text in parts.items() if path.endswith("/prometheus.yml"))
    assert config["alerting"]["alertmanagers"]
    assert config["rule_files"]
    rules = [text for path, text in parts.items() if "rules" in path and path.endswith((".yml", ".yaml"))]
    assert sum(text.count("alert: ") for text in rules) > 10


def test_s13_every_service_has_a_healthcheck_and_no_image_floats(declared: Declarations) -> None:
    for container in declared.of_type(CONTAINER):
        assert container.inputs["healthcheck"]["tests"], container.name
    assert all(image.pinned or image.name in {"regsync", "regbot"} for image in load_lock(LOCK).values())
    assert not any(image.reference.partition("@")[0].endswith((":latest", ":main")) for image in load_lock(LOCK).values())


def test_s13_no_text_is_left_to_a_shell(declared: Declarations) -> None:
    for container in declared.of_type(CONTAINER):
        assert not [text for text in (*container.inputs["envs"], *container.inputs["command"]) if "$(" in text], container.name


def test_s13_the_cache_has_a_password_and_forgets_what_is_used_least(parts: dict[str, str], secret_files: dict[str, str]) -> None:
    assert "maxmemory-policy allkeys-lru" in parts["cache/redis.conf"]
    registry, *_ = [line for line in secret_files["cache/users.acl"].splitlines() if line.startswith("user registry ")]
    assert " on #" in registry
    assert " nopass" not in registry


def test_s15_no_secret_is_in_an_argument_or_in_the_environment(declared: Declarations) -> None:
    # Generated ones begin with "mocked-", given ones with "the-client-".
    for container in declared.of_type(CONTAINER):
        shown = json.dumps([container.inputs[key] for key in ("envs", "command", "healthcheck")])
        assert "mocked-" not in shown, container.name
        assert "the-client-" not in shown, container.name
    for command in declared.of_type("command:local:Command"):
        shown = json.dumps([command.inputs.get(key) for key in ("create", "delete", "environment")])
        assert "mocked-" not in shown, command.name
