"""The preview of a production stack on the real engine, with the emulated API: what would run, and what is refused."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.project import LOCK
from infra.services import SERVICES
from infra.settings import PROJECT
from ops.core.labels import NAME_LABEL
from tests.engine.client import client
from tests.plans import EVERYTHING, SSH_FROM
from tests.tools.emulation.api.conftest import TOKEN
from tests.tools.emulation.api.no_machines import NoMachines
from tools.bootstrap.engine import ensure_engine
from tools.bootstrap.judge import judge
from tools.bootstrap.stack import Stack
from tools.emulation.api.server import Api

# MADE UP: no digest of theirs was at hand when the lock was written.
MADE_UP = "sha256:" + "0123456789abcdef" * 4
SETTINGS = {"place": "hetzner", "registry_host": "registry.example.com", "hetzner": SSH_FROM, **EVERYTHING}


@dataclass(frozen=True)
class Production:
    """A production stack that is never created.

    Attributes:
        name: Prefix of its containers.
        stack: What the engine previews.
        lock: Its images lock.
    """

    name: str
    stack: Stack
    lock: Path

    def preview(self, change: Mapping[str, str] | None = None) -> str:
        """Return the plan, with other images where they are given: references by key of the lock."""
        lock = yaml.safe_load(LOCK.read_text())
        for key, entry in lock.items():
            if "@" not in entry["image"]:
                entry["image"] += f"@{MADE_UP}"
            entry["image"] = (change or {}).get(key, entry["image"])
        self.lock.write_text(yaml.safe_dump(lock))
        return self.stack.pulumi(["preview", "--json", "--stack", self.stack.name], timeout=300, check=False).stdout


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder = tmp_path_factory.mktemp("production")
    name, lock = f"t{os.getpid()}-{secrets.token_hex(3)}", folder / "images.lock"
    settings = {**SETTINGS, "name": name, "images_lock": str(lock)}
    (folder / "Pulumi.prod.yaml").write_text(
        yaml.safe_dump({"config": {f"{PROJECT}:{key}": value for key, value in settings.items()}})
    )
    engine = ensure_engine(folder / "state", wanted=os.environ.get("PLUGINS", ""))
    with Api(NoMachines(), addresses=["127.0.0.69"], token=TOKEN) as api:
        environment = {"HCLOUD_TOKEN": TOKEN, "HCLOUD_ENDPOINT": api.url, "HETZNER_ENDPOINT": api.url}
        stack = Stack("prod", folder / "state", engine, folder / "Pulumi.prod.yaml", environment=environment)
        stack.prepare()
        yield Production(name, stack, lock)
        assert api.is_empty
    assert client().containers.list(all=True, filters={"label": f"{NAME_LABEL}={name}"}) == []
    assert client().networks.list(filters={"label": f"{NAME_LABEL}={name}"}) == []


@pytest.fixture(scope="module")
def plan(production: Production) -> str:
    text = production.preview()
    assert judge(text).errors == ()
    return text


@pytest.fixture(scope="module")
def containers(plan: str) -> dict[str, dict[str, Any]]:
    """The inputs of the containers that would be created, by service."""
    return {
        step["urn"].rpartition("::")[2].removesuffix("-container"): step["newState"]["inputs"]
        for step in json.loads(plan)["steps"]
        if step["op"] == "create" and step["newState"]["type"] == "docker:index/container:Container"
    }


def image_of_edge(plan: str) -> list[str]:
    """The names of the resources that the edge's image comes from."""
    (edge,) = [step for step in json.loads(plan)["steps"] if step["urn"].endswith("::edge-container")]
    return [urn.rpartition("::")[2] for urn in edge["newState"]["propertyDependencies"]["image"]]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_there_with_its_limits_and_its_image_pinned(
    containers: dict[str, dict[str, Any]], plan: str, production: Production, service: str
) -> None:
    assert service in containers, f"{service} is in the table of services, but the program does not declare it"
    container, limits = containers[service], SERVICES[service].limits
    assert (container["hostname"], container["cpus"]) == (service, f"{limits.cpus:g}")
    assert (container["memory"], container["memorySwap"]) == (limits.memory_mib, limits.memory_mib)
    reference = yaml.safe_load(production.lock.read_text())[SERVICES[service].image]["image"]
    assert "@sha256:" in reference
    # With protection on, the host builds the edge's image, on the one that is pinned (D14).
    assert container["image"] == reference or (service == "edge" and image_of_edge(plan) == ["build-edge-image"])


def test_nothing_else_runs(containers: dict[str, dict[str, Any]]) -> None:
    assert containers.keys() - SERVICES.keys() == set()


def test_the_review_of_a_new_stack_finds_nothing_to_lose(plan: str) -> None:
    found = judge(plan)
    assert (found.exit_code, found.stack) == (0, "prod")
    assert found.counts.keys() == {"create"}


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (
            {"registry": f"registry:3.0.0@{MADE_UP}"},
            [
                "images.lock: registry: registry:3.0.0 is known to be bad (CVE-2026-35172, GHSA-f2g3-hh2r-cwgc: ",
                "and older than 3.1.1 (GHSA-6pjf-3r9x-m592: ",
                "; choose another version and run `make lock`",
            ],
        ),
        (
            {"caddy": f"caddy:2.11.1-alpine@{MADE_UP}"},
            ["caddy:2.11.1-alpine is older than 2.11.5 (CVE-2026-55458, and GHSA-7r4p"],
        ),
        ({"cadvisor": f"ghcr.io/google/cadvisor:0.53.0@{MADE_UP}"}, ["older than 0.56.2 (google/cadvisor#3643, #3860: "]),
        ({"regsync": "ghcr.io/regclient/regsync:latest"}, ["regsync:latest is not a fixed version"]),
        (
            {"regsync": "ghcr.io/regclient/regsync:v0.11.6", "regbot": "ghcr.io/regclient/regbot:v0.11.6"},
            [
                f"images_lock: {name}: ghcr.io/regclient/{name}:v0.11.6 is not pinned by digest; run `make lock`"
                for name in ("regsync", "regbot")
            ],
        ),
    ],
    ids=["known-bad", "too-old", "too-old-for-docker", "floating", "unpinned"],
)
def test_an_image_that_must_not_run_fails_the_preview_with_the_reason(
    production: Production, images: dict[str, str], told: list[str]
) -> None:
    found = judge(production.preview(images))
    assert found.exit_code == 2
    assert [text for text in told if text not in found.errors[0]] == []
    assert "Traceback" not in "".join(found.errors)
