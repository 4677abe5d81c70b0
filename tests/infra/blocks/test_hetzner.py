"""Settings of the Hetzner place: what is refused, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import Settings, SettingsError, parse
from tests.plans import SSH_FROM, plan_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ann@example.com"


def given(**hetzner: Any) -> Settings:
    return parse({"place": "hetzner", "registry_host": "registry.example.com", "hetzner": {**SSH_FROM, **hetzner}}, stack="prod")


def test_a_stack_that_says_little_gets_a_small_server_that_is_protected() -> None:
    rented = given().hetzner
    assert (rented.location, rented.server_type, rented.image, rented.protect) == ("fsn1", "cx33", "debian-13", True)
    assert rented.storage_box
    assert (rented.storage_box.type, rented.storage_box.snapshots.keep) == ("bx11", 10)


def test_networks_and_keys_are_taken_as_they_are_written_elsewhere() -> None:
    rented = given(ssh_from=["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"], ssh_keys=[f" {KEY}\n"]).hetzner
    assert rented.ssh_from == ("203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32")
    assert rented.ssh_keys == (KEY,)


def test_no_storage_box_is_said_by_false() -> None:
    assert given(storage_box=False).hetzner.storage_box is False


def test_a_server_without_a_way_in_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"hetzner\.ssh_from: is required: the networks that may reach the server"):
        plan_of(place="hetzner", registry_host="registry.example.com", hetzner={"location": "hel1"})


@pytest.mark.parametrize(
    ("hetzner", "told"),
    [
        ({"ssh_from": ["203.0.113.7/24"]}, "hetzner.ssh_from.0: 203.0.113.7/24 has host bits set"),
        ({"ssh_from": ["home"]}, "hetzner.ssh_from.0: 'home' does not appear to be an IPv4 or IPv6 network"),
        ({"ssh_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}, "hetzner.ssh_keys.0: should be a public key on one line"),
        ({"server_type": "CX33"}, "hetzner.server_type: "),
        ({"dns_zone": "nowhere"}, "hetzner.dns_zone: "),
        ({"adopt": {"primary_ipv4": 0}}, "hetzner.adopt.primary_ipv4: "),
        ({"volume_gb": 10}, "hetzner.volume_gb: unknown key"),
        ({"volume": {}}, "volume: id is for an existing volume, size_gb for a new one; give one or the other"),
        (
            {"volume": {"id": 7, "size_gb": 10}},
            "volume: id is for an existing volume, size_gb for a new one; give one or the other",
        ),
        ({"volume": {"size_gb": 9}}, "volume.size_gb: "),
        ({"volume": {"size_gb": 10241}}, "volume.size_gb: "),
        ({"volume": {"id": 0}}, "volume.id: "),
        (
            {"storage_box": {"id": 7, "type": "bx21"}},
            "type is for a new box, but id is that of an existing one; give one or the other",
        ),
        ({"storage_box": {"snapshots": {"keep": 0}}}, "snapshots.keep: "),
        ({"storage_box": {"folder": "/absolute"}}, "folder: "),
        ({"storage_box": {"host_key": "AAAA"}}, "host_key: should be a public key on one line"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(hetzner: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        given(**hetzner)
    assert told in str(raised.value)
