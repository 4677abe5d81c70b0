"""The whole life of a stack, by the official client."""

from __future__ import annotations

from typing import Any

import pytest
from hcloud.actions import ActionFailedException
from hcloud.firewalls import FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

from tests.tools.emulation.api.conftest import ADDRESSES, PUBLIC_KEY
from tests.tools.emulation.api.no_machines import NoMachines
from tools.emulation.api.server import Api
from tools.emulation.machines import ServerSpec, VolumeSpec

PASSWORD = "Correct-Horse-7-Battery"
FSN1 = Location(name="fsn1")


def _server(client: Any, name: str = "registry") -> Any:
    answer = client.servers.create(name, ServerType(name="cx23"), Image(name="debian-13"), location=FSN1)
    for action in (answer.action, *answer.next_actions):
        action.wait_until_finished()
    return client.servers.get_by_id(answer.server.id)


@pytest.fixture
def server(client: Any) -> Any:
    return _server(client)


def test_a_server_boots_with_its_address_keys_and_user_data(client: Any, machines: NoMachines) -> None:
    key = client.ssh_keys.create("me", PUBLIC_KEY)
    address = client.primary_ips.create("ipv4", "registry", location=FSN1, auto_delete=False).primary_ip
    rule = FirewallRule("in", "tcp", ["0.0.0.0/0", "::/0"], port="22", description="SSH")
    wall = client.firewalls.create("registry", rules=[rule]).firewall
    answer = client.servers.create(
        "registry",
        ServerType(name="cx33"),
        Image(name="debian-13"),
        ssh_keys=[key],
        location=FSN1,
        firewalls=[wall],
        user_data="#cloud-config\n",
        public_net=ServerCreatePublicNetwork(ipv4=address, enable_ipv6=False),
    )
    assert answer.root_password is None
    for action in (answer.action, *answer.next_actions):
        action.wait_until_finished()
    server = client.servers.get_by_id(answer.server.id)
    assert server.status == "running"
    assert (server.public_net.ipv4.ip, server.public_net.ipv6) == (ADDRESSES[0], None)
    assert [item.firewall.id for item in server.public_net.firewalls or []] == [wall.id]
    assert client.primary_ips.get_by_id(address.id).assignee_id == server.id
    expected = ServerSpec(server.id, "registry", ADDRESSES[0], "#cloud-config\n", (PUBLIC_KEY,))
    assert machines.specs == {server.id: expected}


def test_deleting_everything_leaves_nothing(api: Api, client: Any, machines: NoMachines, server: Any) -> None:
    volume = client.volumes.create(10, "data", server=server).volume
    wall = client.firewalls.create("w", resources=[FirewallResource("server", server)]).firewall
    kept = client.primary_ips.create("ipv4", "kept", location=FSN1).primary_ip
    server.delete().wait_until_finished()
    assert machines.calls[-1] == ("delete_server", server.id)
    assert client.volumes.get_by_id(volume.id).server is None
    assert client.firewalls.get_by_id(wall.id).applied_to == []
    # The addresses that came with the server went with it.
    assert [item.id for item in client.primary_ips.get_all()] == [kept.id]
    assert not api.is_empty
    volume.delete()
    wall.delete()
    kept.delete()
    assert api.is_empty


def test_an_address_without_auto_delete_outlives_its_server(client: Any, server: Any) -> None:
    client.primary_ips.update(server.public_net.primary_ipv4, auto_delete=False)
    server.delete().wait_until_finished()
    (left,) = client.primary_ips.get_all(name=None)
    assert (left.ip, left.assignee_id) == (ADDRESSES[0], None)


def test_a_type_changes_while_the_server_is_off_and_starts_it_again(client: Any, server: Any) -> None:
    server.power_off().wait_until_finished()
    assert client.servers.get_by_id(server.id).status == "off"
    server.change_type(ServerType(name="cx33"), upgrade_disk=False).wait_until_finished()
    now = client.servers.get_by_id(server.id)
    assert (now.status, now.server_type.name, now.primary_disk_size) == ("running", "cx33", 40)


def test_a_rebuilt_server_has_a_new_disk(client: Any, machines: NoMachines, server: Any) -> None:
    answer = server.rebuild(Image(name="debian-12"))
    answer.action.wait_until_finished()
    assert machines.calls == [("boot", server.id), ("delete_server", server.id), ("boot", server.id)]
    image = client.servers.get_by_id(server.id).image
    assert image.name == "debian-12"


def test_off_and_on_again(client: Any, machines: NoMachines, server: Any) -> None:
    server.shutdown().wait_until_finished()
    assert machines.specs == {}
    server.power_on().wait_until_finished()
    server.reboot().wait_until_finished()
    assert client.servers.get_by_id(server.id).status == "running"
    assert [what for what, _ in machines.calls] == ["boot", "power_off", "boot", "power_off", "boot"]


def test_a_server_is_renamed_labelled_and_backed_up(client: Any, server: Any) -> None:
    server.update(name="other", labels={"a": "b"})
    server.enable_backup().wait_until_finished()
    now = client.servers.get_by_name("other")
    assert (now.id, now.labels, now.backup_window) == (server.id, {"a": "b"}, "22-02")
    server.disable_backup().wait_until_finished()
    assert client.servers.get_by_id(server.id).backup_window is None


def test_reverse_names_change_and_are_reset(client: Any, server: Any) -> None:
    address = client.primary_ips.get_all()[0]
    address.change_dns_ptr(address.ip, "registry.example.com").wait_until_finished()
    net = client.servers.get_by_id(server.id).public_net
    assert net.ipv4.dns_ptr == "registry.example.com"
    server.change_dns_ptr(address.ip, None).wait_until_finished()
    assert client.primary_ips.get_by_id(address.id).dns_ptr == [
        {"ip": "127.0.0.50", "dns_ptr": "static.50.0.0.127.clients.your-server.de"}
    ]


def test_firewalls_change_their_rules_and_servers(client: Any, server: Any) -> None:
    wall = client.firewalls.create("wall").firewall
    for action in wall.set_rules([FirewallRule("in", "icmp", ["10.0.0.0/8"])]):
        action.wait_until_finished()
    for action in wall.apply_to_resources([FirewallResource("server", server)]):
        action.wait_until_finished()
    now = client.firewalls.get_by_id(wall.id)
    assert [(rule.protocol, rule.source_ips) for rule in now.rules or []] == [("icmp", ["10.0.0.0/8"])]
    for action in wall.remove_from_resources([FirewallResource("server", server)]):
        action.wait_until_finished()
    wall.delete()
    assert client.firewalls.get_all() == []


def test_a_firewall_finds_its_servers_by_their_labels(client: Any, server: Any) -> None:
    server.update(labels={"role": "registry"})
    selector = FirewallResource("label_selector", label_selector=FirewallResourceLabelSelector("role=registry"))
    wall = client.firewalls.create("wall", resources=[selector]).firewall
    net = client.servers.get_by_id(server.id).public_net
    assert [item.firewall.id for item in net.firewalls or []] == [wall.id]


def test_a_volume_is_attached_resized_and_detached(client: Any, server: Any, machines: NoMachines) -> None:
    volume = client.volumes.create(10, "data", location=FSN1, format="ext4").volume
    volume.attach(server).wait_until_finished()
    assert machines.volumes == {server.id: [VolumeSpec(volume.id, 10, "ext4")]}
    volume.resize(20).wait_until_finished()
    assert machines.volumes == {server.id: [VolumeSpec(volume.id, 20, "ext4")]}
    now = client.volumes.get_by_id(volume.id)
    assert (now.size, now.server and now.server.id) == (20, server.id)
    assert [item.id for item in client.servers.get_by_id(server.id).volumes or []] == [volume.id]
    volume.detach().wait_until_finished()
    assert machines.volumes == {server.id: []}
    volume.delete()


def test_a_server_starts_with_the_volumes_that_it_has_been_given(client: Any, server: Any, machines: NoMachines) -> None:
    server.power_off().wait_until_finished()
    volume = client.volumes.create(10, "data", location=FSN1).volume
    volume.attach(server).wait_until_finished()
    server.power_on().wait_until_finished()
    assert machines.specs[server.id].volumes == (VolumeSpec(volume.id, 10, None),)


def test_a_volume_that_a_machine_does_not_get_is_not_attached(client: Any, server: Any, machines: NoMachines) -> None:
    volume = client.volumes.create(10, "data", location=FSN1).volume
    machines.failure = RuntimeError("no loop devices here")
    with pytest.raises(ActionFailedException, match="no loop devices here"):
        volume.attach(server).wait_until_finished()
    assert client.volumes.get_by_id(volume.id).server is None


def test_a_placement_group_takes_a_server(client: Any, server: Any) -> None:
    group = client.placement_groups.create("apart", "spread").placement_group
    server.power_off().wait_until_finished()
    server.add_to_placement_group(group).wait_until_finished()
    assert client.placement_groups.get_by_id(group.id).servers == [server.id]
    server.remove_from_placement_group().wait_until_finished()
    group.delete()


def test_an_address_moves_from_a_server_to_another(client: Any, server: Any) -> None:
    other = _server(client, "other")
    address = next(item for item in client.primary_ips.get_all() if item.assignee_id == server.id and item.type == "ipv4")
    taken = next(item for item in client.primary_ips.get_all() if item.assignee_id == other.id and item.type == "ipv4")
    for machine in (server, other):
        machine.power_off().wait_until_finished()
    for item in (address, taken):
        item.unassign().wait_until_finished()
    address.assign(other.id, "server").wait_until_finished()
    assert client.primary_ips.get_by_id(address.id).assignee_id == other.id


def test_what_can_be_ordered_is_listed(client: Any) -> None:
    assert client.server_types.get_by_name("cx33") is not None
    assert client.images.get_by_name_and_architecture("debian-13", "arm") is not None
    assert client.locations.get_by_name("fsn1") is not None
    assert client.storage_box_types.get_by_name("bx11") is not None


def test_actions_are_asked_for_all_together_and_one_by_one(client: Any, server: Any) -> None:
    ids = [server.power_off().id, server.id]
    found = client._client.request(method="GET", url="/actions", params={"id": ids, "sort": ["status", "id"]})
    assert [action["id"] for action in found["actions"]] == ids[:1]
    of_server = client._client.request(method="GET", url=f"/servers/{server.id}/actions")
    assert {action["command"] for action in of_server["actions"]} == {"create_server", "start_server", "stop_server"}
    for path in ("/actions", "/servers/actions", f"/servers/{server.id}/actions"):
        assert client._client.request(method="GET", url=f"{path}/{ids[0]}")["action"]["command"] == "stop_server"


def test_the_reverse_name_of_an_address_is_reset_by_null(client: Any) -> None:
    address = client.primary_ips.create("ipv4", "a", location=FSN1).primary_ip
    address.change_dns_ptr(address.ip, "a.example.com").wait_until_finished()
    address.change_dns_ptr(address.ip, None).wait_until_finished()
    address.reload()
    assert address.dns_ptr[0]["dns_ptr"] == "static.50.0.0.127.clients.your-server.de"
