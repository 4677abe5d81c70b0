"""What is sent to Docker: only what is given, in Docker's words."""

from __future__ import annotations

import pytest

from tools.offline.plugins.docker.container_body import creation_body
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.values import Properties


def _host(**inputs: object) -> Properties:
    return dict(creation_body({"image": "i", **inputs})["HostConfig"])


def test_without_inputs_little_is_sent() -> None:
    assert creation_body({"image": "i", "command": [], "memory": 0}) == {"Image": "i", "HostConfig": {"Init": False}}


def test_ports_are_published_and_exposed() -> None:
    port = {"internal": 80, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}
    body = creation_body({"image": "i", "ports": [port, {**port, "external": 8081}]})
    assert body["ExposedPorts"] == {"80/tcp": {}}
    bindings = [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "127.0.0.1", "HostPort": "8081"}]
    assert body["HostConfig"]["PortBindings"] == {"80/tcp": bindings}


def test_volumes_are_named_bound_shared_or_anonymous() -> None:
    volumes = [
        {"containerPath": "/named", "volumeName": "v"},
        {"containerPath": "/bound", "hostPath": "/h", "readOnly": True},
        {"containerPath": "/anonymous"},
        {"fromContainer": "other"},
    ]
    body = creation_body({"image": "i", "volumes": volumes})
    assert body["Volumes"] == {"/named": {}, "/bound": {}, "/anonymous": {}}
    assert body["HostConfig"]["Binds"] == ["v:/named:rw", "/h:/bound:ro"]
    assert body["HostConfig"]["VolumesFrom"] == ["other"]


@pytest.mark.parametrize(("swap", "sent"), [(64, 64 * 2**20), (-1, -1)])
def test_memory_is_in_mebibytes(swap: int, sent: int) -> None:
    assert _host(memorySwap=swap)["MemorySwap"] == sent


@pytest.mark.parametrize(("cpus", "nanos"), [("0.25", 250_000_000), ("1.5", 1_500_000_000), ("1/4", 250_000_000)])
def test_cpus_are_in_billionths(cpus: str, nanos: int) -> None:
    assert _host(cpus=cpus)["NanoCpus"] == nanos


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"cpus": "many"}, "failed to parse many as a rational number"),
        ({"cpus": "0.0000000001"}, "value is too precise"),
        ({"command": ["a", ""]}, "values for command may not be empty"),
        ({"volumes": [{"readOnly": True}]}, "neither a container nor a path in a volume entry"),
        ({"volumes": [{"containerPath": "/a", "fromContainer": "b"}]}, "both a container and a path specified in a volume entry"),
    ],
)
def test_what_the_official_plugin_refuses_at_creation(inputs: Properties, told: str) -> None:
    with pytest.raises(PluginError, match=told):
        creation_body({"image": "i", **inputs})
