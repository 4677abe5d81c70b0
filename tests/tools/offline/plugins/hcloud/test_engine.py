"""The stand-in under the real engine: a server with all that belongs to it, unchanged when nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.offline.plugins.hcloud.cases import OTHER_PASSWORD, PASSWORD
from tests.tools.offline.plugins.hcloud.world import OTHER_KEY, TOKEN, World, world
from tests.tools.offline.plugins.sample_programs import Program

pytestmark = pytest.mark.system

_PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_hcloud as hcloud

(given,) = json.loads(Path("wanted.json").read_text())
protect = given.get("protect", False)
key = hcloud.SshKey("key", public_key=given["key"])
address = hcloud.PrimaryIp("address", type="ipv4", location="fsn1", delete_protection=protect)
wall = hcloud.Firewall(
    "wall", rules=[{"direction": "in", "protocol": "tcp", "port": given.get("port", "22"), "source_ips": ["0.0.0.0/0"]}]
)
server = hcloud.Server(
    "server",
    server_type=given.get("server_type", "cx23"),
    image="debian-13",
    location=given.get("location", "fsn1"),
    ssh_keys=[key.id],
    user_data=given.get("user_data", "#cloud-config"),
    public_nets=[{"ipv4": address.id.apply(int), "ipv6_enabled": False}],
    firewall_ids=[wall.id.apply(int)],
    delete_protection=protect,
    rebuild_protection=protect,
    opts=pulumi.ResourceOptions(ignore_changes=["userData"]),
)
volume = hcloud.Volume("volume", size=10, location="fsn1", format="ext4", delete_protection=protect)
hcloud.VolumeAttachment("attachment", volume_id=volume.id.apply(int), server_id=server.id.apply(int))
hcloud.Rdns("rdns", primary_ip_id=address.id.apply(int), ip_address=address.ip_address, dns_ptr="registry.example.org")
hcloud.ZoneRrset("record", zone="example.org", name="registry", type="A", records=[{"value": address.ip_address}])
box = hcloud.StorageBox(
    "box",
    storage_box_type="bx11",
    location="fsn1",
    password=given["password"],
    access_settings={"ssh_enabled": True},
    snapshot_plan={"max_snapshots": 7, "minute": 0, "hour": 3},
    delete_protection=protect,
)
hcloud.StorageBoxSubaccount("account", storage_box_id=box.id.apply(int), home_directory="backup", password=given["password"])
pulumi.export("address", server.ipv4_address)
"""
_ALL = ["key", "address", "wall", "server", "volume", "attachment", "rdns", "record", "box", "account"]


@pytest.fixture
def cloud() -> Iterator[World]:
    with world() as made:
        made.ask("POST", "/zones", name="example.org", mode="primary")
        yield made


@pytest.fixture
def program(tmp_path: Path, cloud: World) -> Program:
    made = Program(tmp_path)
    (tmp_path / "project" / "__main__.py").write_text(_PROGRAM)
    made.environment |= {"HCLOUD_TOKEN": TOKEN, "HCLOUD_ENDPOINT": cloud.api.url, "HETZNER_ENDPOINT": cloud.api.url}
    return made


def _wanted(**change: Any) -> dict[str, Any]:
    return {"key": OTHER_KEY, "password": PASSWORD, **change}


def test_all_is_created_then_unchanged_then_changed_in_place_then_destroyed(program: Program, cloud: World) -> None:
    made = program.up(_wanted(protect=True))
    assert made.steps == dict.fromkeys(_ALL, "create"), made.text
    assert program.outputs() == {"address": "127.0.0.50"}
    assert TOKEN not in program.state()
    assert PASSWORD not in program.state()

    cloud.requests()
    assert program.up(_wanted(protect=True)).steps == {}
    assert cloud.requests() == []
    assert program.up(_wanted(protect=True), refresh=True).steps == {}
    assert {method for method, _, _ in cloud.requests()} == {"GET"}

    changed = _wanted(protect=True, server_type="cx33", port="80", password=OTHER_PASSWORD, user_data="#other")
    assert program.up(changed).steps == dict.fromkeys(["server", "wall", "box", "account"], "update")
    assert program.up(changed, refresh=True).steps == {}

    refused = program.destroy()
    assert refused.failed
    assert "(protected)" in refused.text
    assert program.up({**changed, "protect": False}).failed is False
    assert program.destroy().failed is False
    (zone,) = cloud.api.state.zones
    cloud.ask("DELETE", f"/zones/{zone.id}")
    assert cloud.api.is_empty


def test_what_was_deleted_by_hand_is_made_again(program: Program, cloud: World) -> None:
    assert not program.up(_wanted()).failed
    (server,) = cloud.api.state.servers
    cloud.ask("DELETE", f"/servers/{server.id}")
    again = program.up(_wanted(), refresh=True)
    assert not again.failed, again.text
    assert again.steps["server"] == "create"
    assert program.outputs() == {"address": "127.0.0.50"}


def test_another_location_replaces_the_server(program: Program, tmp_path: Path) -> None:
    assert not program.up(_wanted()).failed
    wanted = (tmp_path / "project" / "wanted.json").read_text()
    (tmp_path / "project" / "wanted.json").write_text(wanted.replace("}]", ', "location": "nbg1"}]'))
    assert "replace" in program.preview().steps["server"]


def test_without_a_token_nothing_is_done(program: Program) -> None:
    del program.environment["HCLOUD_TOKEN"]
    refused = program.up(_wanted())
    assert refused.failed
    assert "Missing Hetzner Cloud API token" in refused.text
