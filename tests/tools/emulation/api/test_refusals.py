"""What the API refuses, and by which code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hcloud import APIException, Client
from hcloud.firewalls import FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

from tests.tools.emulation.api.conftest import PUBLIC_KEY, TOKEN, make_box, refused
from tests.tools.emulation.api.no_machines import NoMachines
from tools.emulation.api.server import Api

FSN1, NBG1 = Location(name="fsn1"), Location(name="nbg1")
CX23, DEBIAN = ServerType(name="cx23"), Image(name="debian-13")


@pytest.fixture
def server(client: Any) -> Any:
    answer = client.servers.create("registry", CX23, DEBIAN, location=FSN1)
    for action in (answer.action, *answer.next_actions):
        action.wait_until_finished()
    return client.servers.get_by_id(answer.server.id)


def test_another_token_is_refused(api: Api) -> None:
    stranger = Client("x" * 64, api_endpoint=api.url)
    refused("unauthorized", stranger.servers.get_all)


def test_a_token_has_64_characters(machines: NoMachines) -> None:
    with pytest.raises(ValueError, match="64 characters"):
        Api(machines, addresses=[], token="short")


def test_a_protected_server_is_neither_deleted_nor_rebuilt(server: Any) -> None:
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    refused("protected", server.delete)
    refused("protected", lambda: server.rebuild(DEBIAN))
    server.change_protection(delete=False, rebuild=False).wait_until_finished()
    server.delete().wait_until_finished()


def test_the_protections_of_a_server_go_together(server: Any) -> None:
    refused("invalid_input", lambda: server.change_protection(delete=True, rebuild=False), "same")


def test_what_is_protected_is_not_deleted(client: Any) -> None:
    address = client.primary_ips.create("ipv4", "a", location=FSN1).primary_ip
    volume = client.volumes.create(10, "v", location=FSN1).volume
    box = make_box(client)
    zone = client.zones.create(name="example.com", mode="primary").zone
    for item in (address, volume, box, zone):
        item.change_protection(delete=True).wait_until_finished()
        refused("protected", item.delete)
        item.change_protection(delete=False).wait_until_finished()
        item.delete()


def test_a_server_that_an_action_works_on_is_locked(client: Any, machines: NoMachines) -> None:
    machines.free.clear()
    answer = client.servers.create("registry", CX23, DEBIAN)
    assert answer.server.status == "initializing"
    assert client.actions.get_by_id(answer.action.id).status == "running"
    for request in (answer.server.delete, answer.server.power_off, lambda: answer.server.change_protection(delete=True)):
        refused("locked", request)
    machines.free.set()
    answer.action.wait_until_finished()


def test_a_running_server_keeps_its_type_and_address(client: Any, server: Any) -> None:
    refused("server_not_stopped", lambda: server.change_type(ServerType(name="cx33"), upgrade_disk=True))
    refused("server_not_stopped", client.primary_ips.get_all()[0].unassign)


def test_a_disk_never_shrinks(server: Any) -> None:
    server.power_off().wait_until_finished()
    server.change_type(ServerType(name="cx33"), upgrade_disk=True).wait_until_finished()
    server.power_off().wait_until_finished()
    refused("invalid_server_type", lambda: server.change_type(CX23, upgrade_disk=True), "smaller")


@pytest.mark.usefixtures("server")
def test_names_are_unique(client: Any) -> None:
    client.ssh_keys.create("key", PUBLIC_KEY)
    refused("uniqueness_error", lambda: client.ssh_keys.create("other", PUBLIC_KEY), "fingerprint")
    refused("uniqueness_error", lambda: client.servers.create("registry", CX23, DEBIAN))
    client.primary_ips.create("ipv4", "a", location=FSN1)
    refused("uniqueness_error", lambda: client.primary_ips.create("ipv4", "a", location=FSN1))
    client.firewalls.create("wall")
    other = client.firewalls.create("other").firewall
    refused("uniqueness_error", lambda: other.update(name="wall"))
    other.update(name="other")
    make_box(client)
    refused("uniqueness_error", lambda: make_box(client))


@pytest.mark.usefixtures("server")
def test_a_refused_server_takes_no_address(client: Any) -> None:
    before = [item.id for item in client.primary_ips.get_all()]
    refused("uniqueness_error", lambda: client.servers.create("registry", CX23, DEBIAN))
    assert [item.id for item in client.primary_ips.get_all()] == before


def test_there_are_as_many_addresses_as_given(client: Any) -> None:
    for name in "abc":
        client.primary_ips.create("ipv4", name, location=FSN1)
    refused("resource_limit_exceeded", lambda: client.primary_ips.create("ipv4", "d", location=FSN1))


def test_what_is_in_use_stays(client: Any, server: Any) -> None:
    volume = client.volumes.create(10, "data", server=server).volume
    refused("resource_in_use", volume.delete)
    refused("must_be_unassigned", client.primary_ips.get_all()[0].delete)
    group = client.placement_groups.create("apart", "spread").placement_group
    refused("server_not_stopped", lambda: server.add_to_placement_group(group))


@pytest.mark.usefixtures("server")
def test_a_server_gets_the_addresses_that_it_can_have(client: Any) -> None:
    def create(**net: Any) -> Callable[[], Any]:
        return lambda: client.servers.create("x", CX23, DEBIAN, location=FSN1, public_net=ServerCreatePublicNetwork(**net))

    taken = next(item for item in client.primary_ips.get_all() if item.type == "ipv4")
    elsewhere = client.primary_ips.create("ipv4", "b", location=NBG1).primary_ip
    refused("primary_ip_assigned", create(ipv4=taken))
    refused("primary_ip_datacenter_mismatch", create(ipv4=elsewhere))
    refused("primary_ip_version_mismatch", create(ipv6=elsewhere))
    refused("unsupported_error", create(enable_ipv4=False))


@pytest.mark.parametrize("name", ["with space", "-x", "under_score"])
def test_a_server_has_a_host_name(client: Any, name: str) -> None:
    error = refused("invalid_input", lambda: client.servers.create(name, CX23, DEBIAN))
    assert error.details["fields"][0]["name"] == "name"


def test_unknown_offers_are_refused(client: Any) -> None:
    refused("invalid_input", lambda: client.servers.create("x", ServerType(name="cx999"), DEBIAN), "server_type")
    refused("invalid_input", lambda: client.servers.create("x", CX23, Image(name="debian-1")), "image")
    refused("invalid_input", lambda: client.servers.create("x", CX23, DEBIAN, location=Location(name="moon1")), "location")


def test_user_data_has_a_limit(client: Any) -> None:
    refused("invalid_input", lambda: client.servers.create("x", CX23, DEBIAN, user_data="x" * 32769), "user_data")


@pytest.mark.parametrize(
    "rule",
    [
        FirewallRule("in", "tcp", ["0.0.0.0/0"]),
        FirewallRule("in", "icmp", ["0.0.0.0/0"], port="22"),
        FirewallRule("in", "tcp", [], port="22"),
        FirewallRule("in", "tcp", ["10.0.0.1/8"], port="22"),
        FirewallRule("in", "tcp", ["10.0.0.1"], port="22"),
        FirewallRule("in", "tcp", ["0.0.0.0/0"], port="99999"),
        FirewallRule("in", "tcp", ["0.0.0.0/0"], port="90-80"),
        FirewallRule("in", "smtp", ["0.0.0.0/0"], port="25"),
    ],
)
def test_a_rule_without_sense_is_refused(client: Any, rule: FirewallRule) -> None:
    refused("invalid_input", lambda: client.firewalls.create("wall", rules=[rule]))
    assert client.firewalls.get_all() == []


@pytest.mark.parametrize("store", ["servers", "ssh_keys", "primary_ips", "firewalls", "volumes", "storage_boxes"])
def test_a_missing_resource_is_not_found(client: Any, store: str) -> None:
    refused("not_found", lambda: getattr(client, store).get_by_id(1))


def _post(api: Api, path: str, content: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.post(f"{api.url}{path}", content=content, headers=headers)


def test_an_unknown_field_is_refused(api: Api) -> None:
    answer = _post(api, "/placement_groups", '{"name": "a", "type": "spread", "colour": "red"}')
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert answer.json()["error"]["details"]["fields"][0]["name"] == "colour"


def test_broken_json_is_refused(api: Api) -> None:
    assert _post(api, "/placement_groups", "{").json()["error"]["code"] == "json_error"


def test_all_actions_at_once_are_no_longer_listed(client: Any) -> None:
    with pytest.raises(APIException) as caught:
        client._client.request(method="GET", url="/actions")
    assert caught.value.code == "deprecated_api_endpoint"
