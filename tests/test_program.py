"""The program as a whole: what it declares, and how it refuses."""

from __future__ import annotations

import json
from unittest import mock

import pulumi
import pytest

from infra.paths import PROJECT_FOLDER
from stack_components.networks import needed
from tests.declared import Declarations, declare, declare_again
from tests.plans import plan_of

CONFIG = {"accounts": json.dumps([{"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}])}


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare(CONFIG)


def test_all_services_and_networks_are_declared(declared: Declarations) -> None:
    names = [one.name for one in declared.values()]
    for service in plan_of(**CONFIG).services:
        assert names.count(f"{service}-container") == 1
    for network in needed(plan_of(**CONFIG)):
        assert names.count(f"network-{network}") == 1


def test_two_runs_declare_the_same(declared: Declarations) -> None:
    again = declare_again(CONFIG)
    assert {urn: one.inputs for urn, one in again.items()} == {urn: one.inputs for urn, one in declared.items()}
    assert again.outputs == declared.outputs


def test_every_docker_resource_is_on_the_stacks_own_engine(declared: Declarations) -> None:
    (engine,) = declared.of_type("pulumi:providers:docker")
    docker = [one for one in declared.values() if one.type.startswith("docker:")]
    assert docker
    assert [one.urn for one in docker if not one.provider.startswith(f"{engine.urn}::")] == []


def test_destroy_keeps_the_images_unless_it_is_told_not_to(declared: Declarations) -> None:
    def removed(config: dict[str, str]) -> str:
        command: str = declare(config).named("folders", "command:local:Command").inputs["delete"]
        return command

    assert "data/registry" in declared.named("folders").inputs["create"]
    assert "data/registry" not in removed({})
    assert "data/registry" in removed({"registry": '{"keep_data": false}'})


def test_the_operator_is_told_addresses_and_places(declared: Declarations) -> None:
    root = str(PROJECT_FOLDER / ".state" / "test")
    clear = {name: value for name, value in declared.outputs.items() if name not in declared.secret_outputs}
    assert clear == {
        "registry": "localhost:8080",
        "registry_url": "http://127.0.0.1:8080",
        "registry_url_tls": "https://127.0.0.1:8443",
        "registry_ca": f"{root}/data/edge/pki/authorities/local/root.crt",
        "password_file": f"{root}/secrets/registry_pass",
        "root": root,
        "left_out": {},
    }


def test_bad_settings_are_refused_with_every_problem() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        declare({"place": "moon", "edge": '{"http_port": 0}', "registy": "x", "limits": '{"registry": {"cpus": 1}}'})
    for key in ("place", "edge.http_port", "registy", "limits.registry.memory_mib"):
        assert f"- {key}: " in str(refused.value)
    assert str(refused.value).startswith("4 problems in the configuration of this stack:")


def test_a_key_that_has_its_old_name_is_told_once() -> None:
    with mock.patch("pulumi.warn") as warn:
        assert declare({"limits": '{"cache": {"cpus": 1, "memory_mb": 64}}'}).named("cache-container").inputs["memory"] == 64
    warn.assert_called_once_with("limits.cache.memory_mb: it holds MiB and is called memory_mib now; rename it")


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        ("redis: {image: redis:latest}", "redis:latest is not a fixed version"),
        ("{}", "caddy: is missing"),
        (None, "cannot read"),
    ],
)
def test_a_bad_images_lock_is_refused(tmp_path_factory: pytest.TempPathFactory, lock: str | None, told: str) -> None:
    path = tmp_path_factory.mktemp("lock") / "images.lock"
    if lock is not None:
        path.write_text(lock)
    with pytest.raises(pulumi.RunError, match=told):
        declare({"images_lock": str(path)})


def test_a_server_without_a_way_in_is_refused_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError, match=r"hetzner\.ssh_from: is required"):
        declare({"place": "hetzner", "registry_host": "registry.example.com"})
