"""What every container promises, asserted over all that the program declares; and which change replaces which container."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra.images import load_lock
from infra.paths import PROJECT_FOLDER
from infra.project import LOCK
from infra.services import SERVICES as TABLE
from stack_components.edge.component import ports
from stack_components.service import CONFIG_LABEL
from tests.case_names import case_name
from tests.declared import STACK, Declared, declare
from tests.plans import BARE, DEFAULTS, EVERYTHING, SSH_FROM, plan_of

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
# CPU cores and MiB: of the system this replaces, and small ones for what was added to it.
LIMITS = {
    "registry": (1.5, 2048),
    "cache": (0.25, 256),
    "edge": (0.5, 256),
    "gateway": (0.25, 128),
    "console": (0.25, 128),
    "ui": (0.25, 128),
    "regsync": (0.5, 512),
    "regbot": (0.25, 256),
    "prometheus": (0.5, 512),
    "alertmanager": (0.1, 128),
    "grafana": (0.5, 512),
    "cadvisor-socket": (0.1, 64),
    "cadvisor": (0.25, 512),
    "node-exporter": (0.1, 64),
    "redis-exporter": (0.1, 64),
    "blackbox-exporter": (0.1, 64),
    "crowdsec": (0.5, 1024),
    "portainer-socket": (0.1, 64),
    "portainer": (0.25, 256),
    "oauth2-proxy": (0.1, 128),
}
SERVICES = sorted(LIMITS)
# Those of a bare stack, on which the tests of changes look.
CORE = ["cache", "edge", "gateway", "registry"]
CAPABILITIES = {"cadvisor": ["CAP_SYSLOG"], "crowdsec": ["CAP_DAC_OVERRIDE"], "edge": ["CAP_NET_BIND_SERVICE"]}
# The exceptions to the rule, each for the reason that stands at the service's own place.
ROOT_SERVICES = {"cadvisor", "cadvisor-socket", "crowdsec", "portainer-socket"}
WRITABLE_SERVICES = {"ui"}
HOST_FILES = {"cadvisor", "cadvisor-socket", "portainer-socket"}
# The registry drains uploads for 30 s; copies end what they are at; while the edge ends, nobody can connect.
PATIENCE_S = {"registry": 40, "regsync": 30, "regbot": 30, "edge": 1}
_OWN_NAMES = {"gateway": ["gateway.app"], "console": ["console.console"], "alertmanager": ["alertmanager.metrics"]}
SOCKET = "/var/run/docker.sock"
SOCKET_SERVICES = {"cadvisor-socket", "portainer-socket"}


def containers(**config: Any) -> dict[str, Declared]:
    """The containers of a stack by service; a bare stack unless more is asked for."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in {**BARE, **config}.items()}
    return {one.name.removesuffix("-container"): one for one in declare(texts).of_type(CONTAINER)}


@pytest.fixture(scope="module")
def typical() -> dict[str, Declared]:
    return containers()


@pytest.fixture(scope="module")
def everything() -> dict[str, Declared]:
    return containers(**DEFAULTS | EVERYTHING)


@pytest.fixture
def inputs(everything: dict[str, Declared], service: str) -> dict[str, Any]:
    return everything[service].inputs


def labels(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {label["label"]: label["value"] for label in inputs["labels"]}


def test_a_servers_engine_checks_often_only_until_a_service_has_started(typical: dict[str, Declared]) -> None:
    server = containers(place="hetzner", registry_host="registry.example.com", hetzner=SSH_FROM)
    for service, declared in server.items():
        check = declared.inputs["healthcheck"]
        assert (check["startInterval"], check["interval"]) == ("1s", "20s"), service
    # An engine on the operator's machine may be too old to know start intervals.
    assert "startInterval" not in typical["registry"].inputs["healthcheck"]


def test_every_service_is_a_container_and_no_other_is(everything: dict[str, Declared]) -> None:
    assert sorted(everything) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
class TestEveryContainer:
    """The promises."""

    def test_has_its_limits(self, inputs: dict[str, Any], service: str) -> None:
        assert (float(inputs["cpus"]), inputs["memory"]) == LIMITS[service]
        assert inputs["memorySwap"] == inputs["memory"]

    def test_runs_an_image_of_the_lock(self, inputs: dict[str, Any], service: str) -> None:
        if service == "edge":
            return  # with protection its image is made on the host: tests/stack_components/protection
        assert inputs["image"] == load_lock(LOCK)[TABLE[service].image].reference

    def test_cannot_write_to_its_image(self, inputs: dict[str, Any], service: str) -> None:
        assert inputs["readOnly"] is (service not in WRITABLE_SERVICES)
        for options in inputs["tmpfs"].values():
            assert {"noexec", "nosuid", "nodev"} <= set(options.split(","))
            assert "size=" in options

    def test_has_no_rights_to_spare(self, inputs: dict[str, Any], service: str) -> None:
        adds = inputs["capabilities"]["adds"]
        assert inputs["capabilities"]["drops"] == ["ALL"]
        assert adds == sorted(adds)
        assert adds == CAPABILITIES.get(service, [])
        assert inputs["securityOpts"] == ["no-new-privileges:true"]
        assert (inputs["user"].split(":")[0] in {"", "0", "root"}) is (service in ROOT_SERVICES)
        assert not {"privileged", "pidMode", "ipcMode", "usernsMode", "networkMode"} & set(inputs)
        assert "devices" not in inputs or service == "cadvisor"

    def test_has_a_healthcheck_that_up_waits_for(self, inputs: dict[str, Any]) -> None:
        check = inputs["healthcheck"]
        assert check["tests"][0] == "CMD"
        assert len(check["tests"]) > 1
        assert all(check[key] for key in ("interval", "timeout", "retries", "startPeriod"))
        # The rollout starts containers, and waits for all of them.
        assert (inputs["start"], inputs["mustRun"]) == (False, False)

    def test_has_a_healthcheck_that_asks_no_other_container(self, inputs: dict[str, Any], service: str) -> None:
        # While a new container takes over, both have the service's name. Gateway and console look for the address that is their
        # own, and of Alertmanager there is one at a time.
        asked = set(re.findall(r"http://([^:/]+)", " ".join(inputs["healthcheck"]["tests"])))
        assert asked <= {"127.0.0.1", *_OWN_NAMES.get(service, [])}

    def test_comes_back_and_does_not_fill_the_disk_with_logs(self, inputs: dict[str, Any]) -> None:
        assert inputs["restart"] == "unless-stopped"
        assert (inputs["logDriver"], inputs["logOpts"]) == ("json-file", {"max-size": "10m", "max-file": "3"})

    def test_is_stopped_with_patience(self, inputs: dict[str, Any], service: str) -> None:
        assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] == PATIENCE_S.get(service, 10)

    def test_has_no_empty_argument(self, inputs: dict[str, Any]) -> None:
        assert all(inputs["command"])

    def test_publishes_ports_only_if_it_is_the_edge(self, inputs: dict[str, Any], service: str) -> None:
        published = [(port["ip"], port["external"], port["internal"], port["protocol"]) for port in inputs["ports"]]
        expected = [("127.0.0.1", 8080, 8080, "tcp"), ("127.0.0.1", 8443, 443, "tcp")]
        assert published == (expected if service == "edge" else [])

    def test_says_whose_it_is_and_what_it_has_read(self, inputs: dict[str, Any], service: str) -> None:
        assert inputs["hostname"] == service
        found = labels(inputs)
        assert found["private-registry.service"] == service
        assert found["private-registry.name"] == f"registry-{STACK}"
        assert found["private-registry.root"] == str(PROJECT_FOLDER / ".state" / STACK)
        assert len(found[CONFIG_LABEL]) == 12

    def test_reads_release_and_secrets_and_writes_its_data_only(self, inputs: dict[str, Any], service: str) -> None:
        root = labels(inputs)["private-registry.root"]
        written = [mount["source"] for mount in inputs["mounts"] if not mount["readOnly"]]
        own = [f"{root}/data/{service}", f"{root}/logs/{service}"]
        assert [path for path in written if not path.startswith(tuple(own))] == []
        foreign = [mount["source"] for mount in inputs["mounts"] if not mount["source"].startswith(f"{root}/")]
        assert bool(foreign) is (service in HOST_FILES)
        assert (SOCKET in foreign) is (service in SOCKET_SERVICES)
        targets = [mount["target"] for mount in inputs["mounts"]]
        assert targets == sorted(set(targets))

    def test_sees_no_more_of_the_host_than_it_needs(self, inputs: dict[str, Any]) -> None:
        # The host's root has the secrets of all services.
        assert not {"/", "/etc", "/root", "/home", "/var", "/var/lib/docker"} & {mount["source"] for mount in inputs["mounts"]}

    def test_has_secrets_as_files_only(self, everything: dict[str, Declared], service: str) -> None:
        # Generated ones begin with "mocked-", given ones with "the-client-".
        # The edge's image is what a command has printed, too.
        shown = {key: value for key, value in everything[service].inputs.items() if key not in {"labels", "image"}}
        assert "mocked-" not in json.dumps(shown)
        assert "the-client-" not in json.dumps(shown)
        assert not everything[service].secret

    def test_starts_when_its_host_is_provisioned(self, everything: dict[str, Declared], service: str) -> None:
        needed = {urn.rpartition("::")[2] for urn in everything[service].dependencies}
        assert {"folders", "live", "secrets"} <= needed
        assert f"{service}-image" in needed or service == "edge"


def test_limits_can_be_changed_one_by_one() -> None:
    found = containers(limits={"cache": {"cpus": 0.1, "memory_mib": 64}})
    for service, one in found.items():
        expected = (0.1, 64) if service == "cache" else LIMITS[service]
        assert (float(one.inputs["cpus"]), one.inputs["memory"], one.inputs["memorySwap"]) == (*expected, expected[1])


@pytest.mark.parametrize(
    ("bind", "plain"),
    [("192.0.2.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")],  # noqa: S104
)
def test_the_edges_ports_are_the_stacks_and_the_network_sees_tls_only(bind: str, plain: str) -> None:
    edge = containers(edge={"bind": bind, "http_port": 80, "https_port": 443}, registry_host="registry.test")["edge"]
    assert [(port["ip"], port["external"], port["internal"]) for port in edge.inputs["ports"]] == [
        (plain, 80, 8080),
        (bind, 443, 443),
    ]


def test_a_server_is_reached_by_tls_from_everywhere_and_without_it_from_itself_only() -> None:
    public = plan_of(place="hetzner", registry_host="registry.example.com").settings
    found = {(port.bind, port.external, port.internal, port.protocol) for port in ports(public)}
    assert found == {
        ("127.0.0.1", 8080, 8080, "tcp"),
        ("0.0.0.0", 80, 80, "tcp"),  # noqa: S104
        ("0.0.0.0", 443, 443, "tcp"),  # noqa: S104
        ("0.0.0.0", 443, 443, "udp"),  # noqa: S104
        ("::", 80, 8081, "tcp"),
        ("::", 443, 8444, "tcp"),
    }


def test_no_port_of_a_container_has_two_addresses_since_the_plugin_cannot_compare_them() -> None:
    public = plan_of(place="hetzner", registry_host="registry.example.com").settings
    inside = [(port.internal, port.protocol) for port in ports(public)]
    assert len(inside) == len(set(inside))


NOBODY: set[str] = set()


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ({"registry": {"log_level": "error"}}, {"registry"}),
        ({"registry": {"max_upload_gb": 5}}, NOBODY),  # the edge reads its routes anew
        ({"registry": {"keep_data": False}}, NOBODY),
        ({"limits": {"cache": {"cpus": 0.25, "memory_mib": 128}}}, {"cache"}),
        ({"limits": {"registry": {"cpus": 1, "memory_mib": 2048}}}, {"registry"}),
        ({"anonymous": []}, NOBODY),
        ({"accounts": [{"name": "ci", "access": [{"repositories": "**", "actions": ["pull"]}]}]}, NOBODY),
        ({"registry_user": "boss"}, NOBODY),
        ({"registry_pass": "another password"}, NOBODY),
        ({"ntfy_token": "token"}, NOBODY),
        ({"edge": {"https_port": 4443}}, {"edge"}),
        # The host's name has the port in it: tokens are issued for it and checked against it.
        ({"edge": {"http_port": 8081}}, {"edge", "gateway", "registry"}),
        ({"edge": {"http_port": 8081}, "registry_host": "localhost:8080"}, {"edge"}),
        ({"registry_host": "registry.test"}, {"gateway", "registry"}),
        ({"name": "other"}, set(CORE)),
        ({"local": {"user": "1234:1234"}}, set(CORE)),
    ],
    ids=case_name,
)
def test_a_change_touches_the_containers_that_read_it(
    typical: dict[str, Declared], config: dict[str, Any], changed: set[str]
) -> None:
    found = containers(**config)
    assert {service for service in CORE if found[service].inputs != typical[service].inputs} == changed


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ({"registry": {"log_level": "error"}}, {"registry"}),
        ({"registry": {"max_upload_gb": 5}}, NOBODY),
        ({"registry_pass": "another password"}, NOBODY),
        ({"limits": {"cache": {"cpus": 0.25, "memory_mib": 128}}}, {"cache"}),
        ({"limits": {"cache": {"cpus": 0.5, "memory_mib": 256}}}, NOBODY),
        ({"edge": {"https_port": 4443}}, NOBODY),
    ],
    ids=case_name,
)
def test_the_label_follows_what_a_container_reads_and_nothing_else(
    typical: dict[str, Declared], config: dict[str, Any], changed: set[str]
) -> None:
    found = containers(**config)
    assert {service for service in CORE if labels(found[service].inputs) != labels(typical[service].inputs)} == changed


def test_what_only_up_will_know_leaves_the_other_containers_alone() -> None:
    previewed = declare(unknown=frozenset({"registry_http_secret"})).of_type(CONTAINER)
    unknown = {one.name for one in previewed if any("value" not in label for label in one.inputs.get("labels", [{}]))}
    assert unknown == {"registry-container"}


@pytest.mark.parametrize("change", ["healthcheck", "mounts", "tmpfs"])
def test_what_the_plugin_would_update_by_doing_nothing_replaces(typical: dict[str, Declared], change: str) -> None:
    assert all(change in one.replacing for one in typical.values())


def test_images_that_only_this_engine_has_are_not_pulled(tmp_path_factory: pytest.TempPathFactory) -> None:
    lock = tmp_path_factory.mktemp("lock") / "images.lock"
    image = "sha256:" + "a" * 64
    lock.write_text("".join(f"{name}: {{image: '{image}', version: '99.0'}}\n" for name in load_lock(LOCK)))
    declared = declare({"images_lock": str(lock), "protection": '{"enabled": false}'})
    assert {one.inputs["image"] for one in declared.of_type(CONTAINER)} == {image}
    assert declared.of_type(IMAGE) == []


def test_pulled_images_outlive_the_stack() -> None:
    declared = declare()
    images = declared.of_type(IMAGE)
    assert len(images) == len(declared.of_type(CONTAINER)) - 1  # with protection the edge's is made on the host
    assert all(image.inputs["keepLocally"] for image in images)


def test_there_is_one_door_to_containers() -> None:
    sources = [
        path for folder in ("infra", "stack_components", "bootstrap", "ops") for path in (PROJECT_FOLDER / folder).rglob("*.py")
    ]
    doors = [path for path in (PROJECT_FOLDER / "__main__.py", *sources) if "docker.Container(" in path.read_text()]
    assert doors == [PROJECT_FOLDER / "stack_components" / "service.py"]
