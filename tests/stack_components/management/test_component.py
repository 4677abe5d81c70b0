"""What Portainer and its proxy are told, and what they may do."""

from __future__ import annotations

import json

import pytest

from stack_components.edge.pages import PAGES
from stack_components.management.component import NAME, PATH, PORT, SOCKET
from tests.declared import Declarations, below_root, declare, rolled_out


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare({"management": json.dumps({"enabled": True})})


def test_portainer_asks_its_proxy_and_reads_its_password_from_a_file(declared: Declarations) -> None:
    container = declared.named("portainer-container").inputs
    assert container["command"] == [
        "--bind=:9000",
        "--http-enabled",
        "--base-url=/portainer",
        "--host=tcp://portainer-socket:2375",
        "--admin-password-file=/run/secrets/admin-password",
        "--bind-https=127.0.0.1:9443",
        "--tunnel-addr=127.0.0.1",
    ]
    password = declared.secret_files["portainer/admin-password"]
    assert len(password) >= 12  # Portainer takes no shorter one
    assert "\n" not in password
    mounts = {mount["target"]: (below_root(mount["source"]), mount["readOnly"]) for mount in container["mounts"]}
    assert mounts == {
        "/data": ("data/portainer", False),
        "/run/secrets/admin-password": ("secrets/portainer/admin-password", True),
    }


def test_portainer_needs_neither_root_nor_the_socket(declared: Declarations) -> None:
    container = declared.named("portainer-container").inputs
    assert container["user"].partition(":")[0] not in {"", "0"}
    assert (container["readOnly"], container["capabilities"]) == (True, {"adds": [], "drops": ["ALL"]})


def test_only_portainer_reaches_the_proxy(declared: Declarations) -> None:
    container = declared.named("portainer-socket-container").inputs
    assert [word for word in container["command"] if word.startswith("-allow")] == [
        "-allowfrom=portainer",
        *(f"-allow{method}=(?:.*)" for method in ("DELETE", "GET", "HEAD", "POST", "PUT")),
        "-allowhealthcheck",
    ]
    assert [network["name"] for network in container["networksAdvanced"]] == ["registry-test-portainer-socket"]
    assert [(mount["target"], mount["readOnly"]) for mount in container["mounts"]] == [("/var/run/docker.sock", True)]
    assert container["capabilities"] == {"adds": [], "drops": ["ALL"]}


def test_the_proxy_is_there_when_portainer_starts_first(declared: Declarations) -> None:
    assert rolled_out(declared)["portainer"].after == ("portainer-socket",)


def test_the_edge_sends_browsers_there() -> None:
    page = PAGES[NAME]
    assert (page.path, page.upstream, page.stripped) == (PATH, f"{NAME}:{PORT}", True)


def test_unless_it_is_asked_for_there_is_nothing_of_it() -> None:
    declared = declare()
    assert [resource.name for resource in declared.values() if NAME in resource.name] == []
    assert SOCKET not in {container.inputs["hostname"] for container in declared.of_type("docker:index/container:Container")}
