"""Who can reach whom: computed from what the program declares, and held against the table in the documentation."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from infra.paths import PROJECT_FOLDER
from infra.services import SERVICES
from stack_components.networks import NETWORKS
from tests.declared import STACK, Declarations, declare
from tests.plans import BARE, EVERYTHING

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
PREFIX = f"registry-{STACK}-"
PAGE = PROJECT_FOLDER / "docs" / "networks.md"


def of(settings: dict[str, Any]) -> Declarations:
    return declare({key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()})


@pytest.fixture(scope="module")
def everything() -> Declarations:
    return of(EVERYTHING)


def joined(declared: Declarations) -> dict[str, set[str]]:
    """The networks of each container by the service's name."""
    return {
        container.inputs["hostname"]: {network["name"].removeprefix(PREFIX) for network in container.inputs["networksAdvanced"]}
        for container in declared.of_type(CONTAINER)
    }


def reach(declared: Declarations) -> set[tuple[str, str]]:
    """Pairs of services that have a network in common on which containers reach each other."""
    apart = {
        network.inputs["name"].removeprefix(PREFIX)
        for network in declared.of_type(NETWORK)
        if (network.inputs.get("options") or {}).get("com.docker.network.bridge.enable_icc") == "false"
    }
    on = joined(declared)
    return {(one, other) for one, other in itertools.combinations(sorted(on), 2) if (on[one] & on[other]) - apart}


def test_who_reaches_whom_is_what_the_documentation_says(everything: Declarations) -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.*?) \| (.*?) \|$", PAGE.read_text(), re.MULTILINE)
    written = {service: set(re.findall(r"`([a-z0-9-]+)`", others)) for service, others, _ in rows}
    computed: dict[str, set[str]] = {service: set() for service in joined(everything)}
    for one, other in reach(everything):
        computed[one].add(other)
        computed[other].add(one)
    assert written == computed
    outside = {network.inputs["name"].removeprefix(PREFIX) for network in everything.of_type(NETWORK)}
    outside = {name for name in outside if NETWORKS[name].outside}
    on = joined(everything)
    assert {service for service, _, internet in rows if internet != "no"} == {name for name, nets in on.items() if nets & outside}


def test_every_service_is_in_the_table(everything: Declarations) -> None:
    assert set(joined(everything)) == set(SERVICES)
    assert {member for kind in NETWORKS.values() for member in kind.members} == set(SERVICES)


def test_a_network_that_reaches_outside_is_the_exception(everything: Declarations) -> None:
    internal = {one.inputs["name"].removeprefix(PREFIX): one.inputs["internal"] for one in everything.of_type(NETWORK)}
    assert {name for name, closed in internal.items() if not closed} == {"edge", "egress"}


def test_the_host_has_no_way_into_an_internal_network(everything: Declarations) -> None:
    for network in everything.of_type(NETWORK):
        options = network.inputs.get("options") or {}
        assert (options.get("com.docker.network.bridge.inhibit_ipv4") == "true") is network.inputs["internal"]


@pytest.mark.parametrize("socket", ["cadvisor-socket", "portainer-socket"])
def test_a_proxy_of_the_docker_engine_has_one_client(everything: Declarations, socket: str) -> None:
    client = socket.removesuffix("-socket")
    assert [pair for pair in reach(everything) if socket in pair] == [tuple(sorted((client, socket)))]


@pytest.mark.parametrize("service", ["regsync", "regbot", "ui", "grafana", "crowdsec", "oauth2-proxy"])
def test_nobody_reaches_the_registry_past_the_edge(everything: Declarations, service: str) -> None:
    assert tuple(sorted((service, "registry"))) not in reach(everything)


def test_grafana_is_reached_by_those_alone_who_may_say_who_signed_on(everything: Declarations) -> None:
    assert {other for pair in reach(everything) if "grafana" in pair for other in pair} == {"grafana", "edge", "prometheus"}


def test_a_bare_stack_has_three_networks() -> None:
    declared = of(BARE)
    assert joined(declared) == {"edge": {"edge", "app"}, "gateway": {"app"}, "registry": {"app", "data"}, "cache": {"data"}}
    assert {one.inputs["name"].removeprefix(PREFIX) for one in declared.of_type(NETWORK)} == {"edge", "app", "data"}


def test_services_find_each_other_under_their_names(everything: Declarations) -> None:
    for container in everything.of_type(CONTAINER):
        name = container.inputs["hostname"]
        for network in container.inputs["networksAdvanced"]:
            assert network["aliases"] == [name, f"{name}.{network['name'].removeprefix(PREFIX)}"]


def test_networks_say_whose_they_are(everything: Declarations) -> None:
    for network in everything.of_type(NETWORK):
        labels = {label["label"]: label["value"] for label in network.inputs["labels"]}
        assert labels["private-registry.name"] == f"registry-{STACK}"
        assert network.inputs["name"].startswith(PREFIX)


def test_the_edge_sees_the_addresses_of_clients_that_use_ipv6() -> None:
    def edge(settings: dict[str, Any]) -> dict[str, Any]:
        return of({**BARE, **settings}).named("network-edge").inputs

    assert "ipv6" not in edge({})
    on = edge({"edge": {"ipv6": True}})
    assert on["ipv6"] is True
    (subnet,) = [config["subnet"] for config in on["ipamConfigs"]]
    assert re.fullmatch(r"fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}::/64", subnet)
    other = edge({"edge": {"ipv6": True}, "name": "other"})
    assert other["ipamConfigs"][0]["subnet"] != subnet
