"""Containers on a real Docker engine: networks, ports, waiting, cancelling and removal."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from docker import APIClient

from tests.free_ports import free_port
from tools.offline.plugins.docker.container import Container
from tools.offline.plugins.docker.engine import DockerEngine
from tools.offline.plugins.docker.network import Network
from tools.offline.plugins.docker.volume import Volume
from tools.offline.plugins.resource import InitFailedError, PluginError
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import Properties

pytestmark = pytest.mark.system
URN = "urn:pulumi:stack::project::docker:index/container:Container::box"


@pytest.fixture
def session(engine: APIClient) -> Session:  # noqa: ARG001  # the session finds it by DOCKER_HOST
    return Session("")


@pytest.fixture
def containers(session: Session) -> Container:
    return Container(DockerEngine(session))


def _checked(resource: Any, inputs: Properties) -> Properties:
    checked = resource.check(URN, inputs, {}, "")
    assert checked.failures == []
    return dict(checked.inputs)


@pytest.fixture
def network(session: Session, own: str) -> Properties:
    networks = Network(DockerEngine(session))
    return networks.create(URN, _checked(networks, {"name": own}), preview=False)[1]


def test_it_joins_its_networks_under_its_aliases_and_publishes_ports(
    containers: Container, engine: APIClient, network: Properties, image: str, own: str
) -> None:
    port = free_port()
    inputs = {
        "image": image,
        "name": own,
        "networksAdvanced": [{"name": own, "aliases": ["zed", "abc"]}],
        "ports": [{"internal": 80, "external": port, "ip": "127.0.0.1"}],
    }
    identifier, state = containers.create(URN, _checked(containers, inputs), preview=False)
    joined = engine.inspect_container(identifier)["NetworkSettings"]["Networks"]
    assert list(joined) == [own]
    assert {"abc", "zed"} <= set(joined[own]["Aliases"])
    (data,) = state["networkDatas"]
    assert (data["networkName"], data["ipAddress"]) == (own, joined[own]["IPAddress"])
    assert data["gateway"] == network["ipamConfigs"][0]["gateway"]
    assert state["ports"] == [{"internal": 80, "external": port, "ip": "127.0.0.1", "protocol": "tcp"}]
    containers.delete(URN, identifier, state)


def test_one_that_does_not_start_is_reported_with_its_id_and_without_what_docker_would_fill_in(
    containers: Container, engine: APIClient, image: str, own: str
) -> None:
    inputs = _checked(containers, {"image": image, "name": own, "networkMode": "none", "command": ["no-such-program"]})
    with pytest.raises(
        InitFailedError, match=f"^creating {URN}: Unable to start container: Error response from daemon: "
    ) as raised:
        containers.create(URN, inputs, preview=False)
    state = raised.value.state
    assert engine.inspect_container(own)["Id"] == raised.value.identifier == state["id"]
    assert (state["image"], state["hostname"]) == (image, None)
    # So the next run replaces it, which removes it first.
    difference = containers.diff(state, inputs, inputs)
    assert difference.delete_first
    assert difference.changes["hostname"].replaces
    containers.delete(URN, raised.value.identifier, state)
    assert engine.containers(all=True, filters={"name": own}) == []


def test_waiting_needs_a_healthcheck(containers: Container, image: str, own: str) -> None:
    inputs = _checked(containers, {"image": image, "name": own, "networkMode": "none", "wait": True})
    with pytest.raises(InitFailedError, match="'wait' argument, but the container does not have a healthcheck"):
        containers.create(URN, inputs, preview=False)


def test_cancelling_ends_the_wait(containers: Container, session: Session, image: str, own: str) -> None:
    check = {"tests": ["CMD", "false"], "interval": "1s"}
    given = {"image": image, "name": own, "networkMode": "none", "healthcheck": check, "wait": True, "waitTimeout": 60}
    threading.Timer(1, session.cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(InitFailedError, match=f"{own} \\(the run was cancelled\\)"):
        containers.create(URN, _checked(containers, given), preview=False)
    assert time.monotonic() - started < 20


def test_a_preview_makes_nothing(containers: Container, engine: APIClient, own: str) -> None:
    _, state = containers.create(URN, _checked(containers, {"image": "no-such-image", "name": own}), preview=True)
    assert state["name"] == own
    assert engine.containers(all=True, filters={"name": own}) == []


@pytest.mark.parametrize("remove", [False, True])
def test_removing_it_takes_anonymous_volumes_along_if_wanted(
    remove: bool, containers: Container, engine: APIClient, image: str, own: str
) -> None:
    volumes = [{"containerPath": "/anonymous"}]
    inputs = {"image": image, "name": own, "networkMode": "none", "volumes": volumes, "removeVolumes": remove}
    identifier, state = containers.create(URN, _checked(containers, inputs), preview=False)
    (mount,) = engine.inspect_container(identifier)["Mounts"]
    containers.delete(URN, identifier, state)
    left = [volume["Name"] for volume in engine.volumes()["Volumes"] or []]
    assert (mount["Name"] in left) is not remove
    if not remove:
        engine.remove_volume(mount["Name"])


def test_removing_one_that_is_gone_is_no_error(containers: Container, engine: APIClient, image: str, own: str) -> None:
    inputs = _checked(containers, {"image": image, "name": own, "networkMode": "none", "rm": True})
    identifier, state = containers.create(URN, inputs, preview=False)
    containers.delete(URN, identifier, state)
    containers.delete(URN, identifier, state)
    assert engine.containers(all=True, filters={"name": own}) == []
    assert containers.read(identifier, state, inputs) is None


def test_it_is_found_by_its_full_id_alone(containers: Container, image: str, own: str) -> None:
    inputs = _checked(containers, {"image": image, "name": own, "networkMode": "none"})
    identifier, _ = containers.create(URN, inputs, preview=False)
    assert containers.read(own, {}, {}) is None
    found = containers.read(identifier, {}, {})
    assert found is not None
    assert (found.inputs["name"], found.inputs["image"], found.inputs["command"]) == (own, image, ["sleep", "3600"])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, session: Session) -> Session:
    """A session in which removing what is in use is given up soon."""
    monkeypatch.setattr("tools.offline.plugins.docker.removal._LIMIT_S", 1.0)
    return session


def test_a_network_in_use_is_named(impatient: Session, network: Properties, image: str, own: str) -> None:
    networks, containers = Network(DockerEngine(impatient)), Container(DockerEngine(impatient))
    inputs = _checked(containers, {"image": image, "name": own, "networksAdvanced": [{"name": own}]})
    identifier, state = containers.create(URN, inputs, preview=False)
    with pytest.raises(PluginError, match=r"Unable to remove network .* has active endpoints"):
        networks.delete(URN, network["id"], network)
    containers.delete(URN, identifier, state)
    networks.delete(URN, network["id"], network)
    networks.delete(URN, network["id"], network)
    assert networks.read(network["id"], network, {}) is None


def test_a_volume_in_use_is_named(impatient: Session, image: str, own: str) -> None:
    volumes, containers = Volume(DockerEngine(impatient)), Container(DockerEngine(impatient))
    volume, _ = volumes.create(URN, _checked(volumes, {"name": own}), preview=False)
    mounts = [{"type": "volume", "source": own, "target": "/data"}]
    inputs = _checked(containers, {"image": image, "name": own, "networkMode": "none", "mounts": mounts})
    identifier, state = containers.create(URN, inputs, preview=False)
    with pytest.raises(PluginError, match=rf"Unable to remove volume {own}: .* volume is in use"):
        volumes.delete(URN, volume, {})
    containers.delete(URN, identifier, state)
    volumes.delete(URN, volume, {})
    volumes.delete(URN, volume, {})
    assert volumes.read(volume, {}, {}) is None
