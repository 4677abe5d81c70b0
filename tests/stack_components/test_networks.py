"""Who can talk to whom."""

from __future__ import annotations

import pytest

from tests.program import STACK, Declarations, declare

# The networks of each service. The cache is reached by the registry alone, and only the edge has a way out.
NETWORKS = {"edge": {"edge", "app"}, "gateway": {"app"}, "registry": {"app", "data"}, "cache": {"data"}}
PREFIX = f"registry-{STACK}-"


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare()


def test_only_the_edges_network_reaches_outside(declared: Declarations) -> None:
    networks = declared.of_type("docker:index/network:Network")
    internal = {network.inputs["name"].removeprefix(PREFIX): network.inputs["internal"] for network in networks}
    assert internal == {"edge": False, "app": True, "data": True}


def test_each_service_is_on_the_networks_it_needs(declared: Declarations) -> None:
    found = {
        container.inputs["hostname"]: {network["name"].removeprefix(PREFIX) for network in container.inputs["networksAdvanced"]}
        for container in declared.of_type("docker:index/container:Container")
    }
    assert found == NETWORKS


def test_services_find_each_other_under_their_names(declared: Declarations) -> None:
    for container in declared.of_type("docker:index/container:Container"):
        for network in container.inputs["networksAdvanced"]:
            assert network["aliases"] == [container.inputs["hostname"]]


def test_networks_say_whose_they_are(declared: Declarations) -> None:
    for network in declared.of_type("docker:index/network:Network"):
        labels = {label["label"]: label["value"] for label in network.inputs["labels"]}
        assert labels["private-registry.name"] == f"registry-{STACK}"
        assert network.inputs["name"].startswith(PREFIX)
