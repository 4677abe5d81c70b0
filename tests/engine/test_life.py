"""A stack's whole life on the real engine: up, unchanged, changed, drifted, destroyed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import client
from tests.engine.stacks import TestStack, new_stack
from tools.bootstrap.session import Session

SERVICES = {"cache", "edge", "gateway", "registry"}
LIMITS = {
    "registry": (1.5, 2048),
    "cache": (0.25, 256),
    "edge": (0.5, 256),
    "gateway": (0.25, 128),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """The stack that the tests of this file take through its life, in order."""
    with new_stack(tmp_path_factory.mktemp("life")) as stack:
        yield stack


def changes(session: Session, *arguments: str) -> str:
    """Run `up` and return the engine's last lines, which count what it did."""
    text = session.stack.up(*arguments).stdout
    return text[text.index("Resources:") :]


def ids(stack: TestStack) -> dict[str, str]:
    return {service: container.id for service, container in stack.containers().items()}


def replaced(before: dict[str, str], stack: TestStack) -> set[str]:
    return {service for service, one in ids(stack).items() if before.get(service) != one}


def test_up_starts_every_service_healthy(stack: TestStack) -> None:
    stack.open().up(stream=False)
    containers = stack.containers()
    assert set(containers) == SERVICES
    assert {container.attrs["State"]["Health"]["Status"] for container in containers.values()} == {"healthy"}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_docker_enforces_every_promise(stack: TestStack, service: str) -> None:
    inspected: dict[str, Any] = stack.containers()[service].attrs
    host = inspected["HostConfig"]
    cpus, memory = LIMITS[service]
    assert host["NanoCpus"] == cpus * 10**9
    assert host["Memory"] == memory * 2**20
    assert host["MemorySwap"] == host["Memory"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert inspected["Config"]["User"].split(":")[0] != "0"
    assert bool(host["PortBindings"]) == (service == "edge")


def test_a_second_up_changes_nothing(stack: TestStack) -> None:
    before = ids(stack)
    counted = changes(stack.open())
    assert "unchanged" in counted
    assert not {"created", "updated", "replaced", "deleted"} & set(counted.split())
    assert ids(stack) == before


def test_refresh_finds_no_drift(stack: TestStack) -> None:
    counted = changes(stack.open(), "--refresh")
    assert not {"created", "updated", "replaced", "deleted"} & set(counted.split()), counted


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"limits": {"registry": {"cpus": 1.25, "memory_mib": 2048}}}, {"registry"}),
        ({"registry": {"keep_data": False, "log_level": "error"}}, {"registry"}),
        ({"anonymous": [{"repositories": "public/**", "actions": ["pull"]}]}, {"gateway"}),
    ],
    ids=["limits", "configuration", "access"],
)
def test_a_changed_setting_replaces_only_its_container(stack: TestStack, change: dict[str, Any], touched: set[str]) -> None:
    before = ids(stack)
    stack.open(change=change).up(stream=False)
    assert replaced(before, stack) == touched


def test_a_changed_route_is_taken_by_the_running_edge(stack: TestStack) -> None:
    before = ids(stack)
    stack.open(change={"registry": {"keep_data": False, "log_level": "error", "max_upload_gb": 5}}).up(stream=False)
    assert replaced(before, stack) == set()
    assert "max_size 5GB" in (stack.root / "live/edge/current/snippets.d/registry.caddy").read_text()
    assert b"successfully reloaded config from file" in stack.containers()["edge"].logs(tail=20)


def memory(stack: TestStack) -> int:
    """Return the registry's limit in MiB; swap gives no more."""
    host = stack.containers()["registry"].attrs["HostConfig"]
    assert host["MemorySwap"] == host["Memory"]
    return int(host["Memory"]) // 2**20


@pytest.mark.parametrize(("has", "gets"), [(2048, 1024), (1024, 3072)], ids=["less", "more"])
def test_memory_is_taken_and_given_in_place(stack: TestStack, has: int, gets: int) -> None:
    before = ids(stack)
    assert memory(stack) == has
    stack.open(change={"limits": {"registry": {"cpus": 1.25, "memory_mib": gets}}}).up(stream=False)
    assert ids(stack) == before
    assert memory(stack) == gets


def test_a_vanished_container_comes_back(stack: TestStack) -> None:
    before = ids(stack)
    stack.containers()["cache"].remove(force=True)
    seen = stack.open().stack.preview("--refresh").stdout
    assert "cache-container" in seen
    stack.open().stack.up("--refresh")
    assert replaced(before, stack) == {"cache"}


def test_limits_changed_by_hand_are_put_right(stack: TestStack) -> None:
    stack.containers()["gateway"].update(mem_limit="96m", memswap_limit="96m")
    stack.open().stack.up("--refresh")
    assert stack.containers()["gateway"].attrs["HostConfig"]["Memory"] == 128 * 2**20


def test_destroy_leaves_nothing(stack: TestStack) -> None:
    mounts = [mount for container in stack.containers().values() for mount in container.attrs["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    session = stack.open()
    session.destroy(stream=False)
    assert stack.containers() == {}
    assert stack.networks() == []
    left = {str(volume.name) for volume in client().volumes.list()}
    assert {name for name in left if name in volumes or stack.name in name} == set()
    assert not stack.root.exists()
    assert session.stack.export()["deployment"].get("resources", []) == []


def test_destroy_keeps_the_images_by_default(fresh: TestStack) -> None:
    session = fresh.open(change={"registry": {}})
    session.up(stream=False)
    data = fresh.root / "data" / "registry"
    kept: Path = data / "an-image"
    kept.write_text("precious")
    session.destroy(stream=False)
    assert kept.read_text() == "precious"
    assert not (fresh.root / "secrets").exists()


def test_an_edge_with_ipv6_is_the_same_after_a_refresh(fresh: TestStack) -> None:
    fresh.open(change={"edge": {**fresh.settings["edge"], "ipv6": True}}).up(stream=False)
    session = fresh.open()
    refreshed = session.stack.preview("--refresh", "--json")
    changes = {step["op"] for step in json.loads(refreshed.stdout)["steps"]}
    assert changes <= {"same", "refresh"}
    network = client().networks.get(f"{fresh.name}-edge")
    assert network.attrs["EnableIPv6"] is True
