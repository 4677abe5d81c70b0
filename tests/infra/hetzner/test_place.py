"""What the program rents, as the engine would be told: what is protected, and whose change must not replace anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.hetzner.storage_box import BACKUPS
from infra.paths import PROJECT_FOLDER
from tests.declared import Declarations, Declared, declare
from tests.plans import SSH_FROM

SERVER = "hcloud:index/server:Server"
BOX = "hcloud:index/storageBox:StorageBox"
ADDRESS = "hcloud:index/primaryIp:PrimaryIp"
ACCOUNT = "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount"


def rented(*, name: str = "", **hetzner: Any) -> Declarations:
    return declare(
        {
            "place": "hetzner",
            "name": name,
            "registry_host": "registry.example.com",
            "hetzner": json.dumps({**SSH_FROM, **hetzner}),
            "sync": '{"enabled": false}',
        }
    )


@pytest.fixture(scope="module")
def everything() -> Declarations:
    return rented(dns_zone="example.com", backups=True, volume={"size_gb": 100})


def only(declared: Declarations, kind: str) -> Declared:
    (found,) = declared.of_type(kind)
    return found


def test_server_addresses_and_box_are_protected_twice(everything: Declarations) -> None:
    for kind in (SERVER, BOX, ADDRESS):
        for resource in everything.of_type(kind):
            assert resource.protect, resource.urn
            assert resource.inputs["deleteProtection"] is True, resource.urn


def test_told_for_the_first_time_they_are_not_any_more() -> None:
    declared = rented(protect=False)
    for kind in (SERVER, BOX, ADDRESS):
        for resource in declared.of_type(kind):
            assert not resource.protect, resource.urn
            assert resource.inputs["deleteProtection"] is False, resource.urn


def test_a_change_of_user_data_keys_or_image_does_not_replace_the_server(everything: Declarations) -> None:
    assert only(everything, SERVER).ignored == {"userData", "sshKeys", "image"}


def test_a_change_of_keys_or_location_does_not_replace_the_box(everything: Declarations) -> None:
    assert only(everything, BOX).ignored == {"sshKeys", "location"}
    assert "sshKeys" not in only(everything, BOX).inputs


def test_both_protections_of_the_server_are_equal_since_the_api_wants_that(everything: Declarations) -> None:
    inputs = only(everything, SERVER).inputs
    assert inputs["rebuildProtection"] == inputs["deleteProtection"]


def test_a_smaller_server_can_be_had_again(everything: Declarations) -> None:
    assert only(everything, SERVER).inputs["keepDisk"] is True


def test_addresses_outlive_the_server_and_name_no_assignee(everything: Declarations) -> None:
    inputs = {address.inputs["type"]: address.inputs for address in everything.of_type(ADDRESS)}
    assert inputs.keys() == {"ipv4", "ipv6"}
    assert {one["autoDelete"] for one in inputs.values()} == {False}
    assert not [key for one in inputs.values() for key in one if key.startswith("assignee") or key == "datacenter"]


def test_the_dead_datacenter_is_not_named(everything: Declarations) -> None:
    assert "datacenter" not in only(everything, SERVER).inputs


def test_the_host_key_is_secret_and_known_before_the_first_connection(everything: Declarations) -> None:
    assert "userData" in only(everything, SERVER).secret
    connection = everything.named("ready").inputs["connection"]
    assert connection["hostKey"].startswith("ssh-ed25519 ")
    assert connection["hostKey"] in only(everything, SERVER).inputs["userData"]
    assert "connection" in everything.named("ready").secret


def test_the_firewall_lets_in_the_edge_ping_and_the_operators(everything: Declarations) -> None:
    rules = only(everything, "hcloud:index/firewall:Firewall").inputs["rules"]
    assert {(rule["protocol"], rule.get("port")): tuple(rule["sourceIps"]) for rule in rules} == {
        ("tcp", "443"): ("0.0.0.0/0", "::/0"),
        ("udp", "443"): ("0.0.0.0/0", "::/0"),
        ("tcp", "80"): ("0.0.0.0/0", "::/0"),
        ("tcp", "22"): ("203.0.113.7/32",),
        ("icmp", None): ("0.0.0.0/0", "::/0"),
    }
    assert {rule["direction"] for rule in rules} == {"in"}


def test_names_lead_to_the_addresses_and_back(everything: Declarations) -> None:
    records = {record.inputs["type"]: record.inputs for record in everything.of_type("hcloud:index/zoneRrset:ZoneRrset")}
    assert records.keys() == {"A", "AAAA"}
    assert {(record["zone"], record["name"]) for record in records.values()} == {("example.com", "registry")}
    reverse = everything.of_type("hcloud:index/rdns:Rdns")
    assert {one.inputs["dnsPtr"] for one in reverse} == {"registry.example.com"}
    assert len(reverse) == 2


def test_a_zone_elsewhere_gets_no_records() -> None:
    assert rented().of_type("hcloud:index/zoneRrset:ZoneRrset") == []


def test_the_box_makes_snapshots_of_itself_and_cannot_be_reached_from_outside(everything: Declarations) -> None:
    box = only(everything, BOX)
    assert box.inputs["snapshotPlan"] == {"maxSnapshots": 10, "hour": 3, "minute": 40}
    assert box.inputs["accessSettings"]["reachableExternally"] is False
    assert "password" in box.secret


def test_one_account_writes_backups_and_another_reads_the_same_ones(everything: Declarations) -> None:
    accounts = {account.name: account for account in everything.of_type(ACCOUNT)}
    assert {name: account.inputs["accessSettings"]["readonly"] for name, account in accounts.items()} == {
        "backup-writer": False,
        "backup-reader": True,
    }
    assert not [account for account in accounts.values() if account.inputs["accessSettings"]["reachableExternally"]]
    for account in accounts.values():
        password = account.inputs["password"]
        assert "password" in account.secret
        assert all(any(map(kind, password)) for kind in (str.islower, str.isupper, str.isdigit))
        assert "-" in password


def test_no_key_opens_both_accounts_since_each_has_its_keys_in_a_folder_of_its_own(everything: Declarations) -> None:
    assert {account.name: account.inputs["homeDirectory"] for account in everything.of_type(ACCOUNT)} == {
        "backup-writer": "private-registry",
        "backup-reader": f"private-registry/{BACKUPS}",
    }
    installed = {name: everything.named(f"backup-{name}-install-key").inputs for name in ("writer", "reader")}
    assert installed["writer"]["create"] == "dd of=.ssh/authorized_keys"
    assert installed["reader"]["create"] == f"dd of={BACKUPS}/.ssh/authorized_keys"
    assert installed["writer"]["stdin"] != installed["reader"]["stdin"]
    tied, free = installed["writer"]["stdin"].splitlines()
    assert tied.startswith('command="rclone serve restic --stdio --append-only backups/restic",restrict ssh-ed25519 ')
    assert free.startswith("ssh-ed25519 ")
    assert installed["reader"]["stdin"].startswith("ssh-ed25519 ")
    assert all(one["stdin"].endswith("\n") for one in installed.values())


def test_all_keys_of_the_box_are_installed_by_the_account_that_may_write_through_the_server(everything: Declarations) -> None:
    password = everything.named("backup-writer", ACCOUNT).inputs["password"]
    commands = [one for one in everything.of_type("command:remote:Command") if "install-key" in one.name]
    assert len(commands) == 4
    for command in commands:
        connection = command.inputs["connection"]
        assert (connection["port"], connection["password"]) == (23, password), command.name
        assert connection["proxy"]["hostKey"].startswith("ssh-ed25519 "), command.name
        assert "connection" in command.secret, command.name


def test_the_readers_folder_is_there_before_its_key_goes_into_it(everything: Declarations) -> None:
    folder, key = (everything.named(f"backup-reader-install-key{end}") for end in ("-folder", ""))
    assert folder.inputs["create"] == f"mkdir -p {BACKUPS}/.ssh"
    assert everything.named("backup-reader", ACCOUNT).urn in folder.dependencies
    assert folder.urn in key.dependencies


def test_several_stacks_may_have_accounts_on_one_box() -> None:
    named = {
        name: {account.inputs["name"] for account in rented(name=name).of_type(ACCOUNT)} for name in ("registry-prod", "z" * 42)
    }
    assert named["registry-prod"] == {"registry-prod-writer", "registry-prod-reader"}
    # https://docs.hetzner.cloud/reference/hetzner#storage-box-subaccounts
    assert max(map(len, named["z" * 42])) <= 50


def test_the_password_of_the_box_never_is_on_the_server(everything: Declarations) -> None:
    accounts = [*everything.of_type(BOX), *everything.of_type(ACCOUNT)]
    passwords = [account.inputs["password"] for account in accounts]
    assert len(passwords) == 3
    told = [resource for resource in everything.of_type("command:remote:Command") if "install-key" not in resource.name]
    assert len(told) > 5
    for resource in told:
        assert not [password for password in passwords if password in json.dumps(resource.inputs)], resource.name


def test_what_is_there_already_is_adopted_and_not_made() -> None:
    declared = rented(adopt={"primary_ipv4": 41, "primary_ipv6": 61}, storage_box={"id": 7})
    assert [*declared.of_type(BOX), *declared.of_type(ADDRESS)] == []
    assert {account.inputs["storageBoxId"] for account in declared.of_type(ACCOUNT)} == {7}
    (public,) = only(declared, SERVER).inputs["publicNets"]
    assert (public["ipv4"], public["ipv6"]) == (41, 61)


def test_a_stack_without_a_box_has_none() -> None:
    assert rented(storage_box=False).of_type(BOX) == []


def test_no_token_is_anywhere(everything: Declarations) -> None:
    assert not [resource for resource in everything.values() if "token" in resource.inputs]


def test_the_page_lists_what_is_rented_and_what_is_protected(everything: Declarations) -> None:
    page = (PROJECT_FOLDER / "docs/hetzner.md").read_text()
    rows = [line.split("|")[1:5] for line in page.splitlines() if line.startswith("| `")]
    listed = {(name.strip(" `"), kind.strip(" `"), protected.strip() == "yes") for name, kind, _, protected in rows}
    assert listed == {
        (resource.name, resource.type.rpartition(":")[2], resource.protect)
        for resource in everything.values()
        if resource.type.startswith("hcloud:")
    }
