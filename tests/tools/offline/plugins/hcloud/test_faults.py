"""What goes wrong, and what others change: errors in the official plugin's words, tries that help, drift that is seen."""

from __future__ import annotations

import pytest

from tests.tools.offline.plugins.client import Answer, Client, Refused
from tests.tools.offline.plugins.hcloud.cases import (
    BASES,
    BOX_KIND,
    FIREWALL,
    PRIMARY_IP,
    RRSET,
    SERVER_KIND,
    SSH_KEY,
    SUBACCOUNT,
)
from tests.tools.offline.plugins.hcloud.world import ADDRESS, BOX, SERVER, WALL, World
from tests.tools.offline.plugins.official.cases import Base
from tools.emulation.api.errors import ApiError, invalid_fields
from tools.offline.plugins.values import Properties, Secret


def _base(kind: str) -> Base:
    return next(base for base in BASES if base.kind == kind)


def _make(client: Client, kind: str, **change: object) -> tuple[Properties, Answer]:
    inputs, failures = client.check(kind, {**_base(kind).inputs, **change})
    assert not failures
    return inputs, client.create(kind, inputs)


@pytest.mark.parametrize("kind", [base.kind for base in BASES if base.kind != RRSET], ids=lambda kind: kind.rpartition(":")[2])
def test_an_error_of_the_api_is_told_in_its_words(client: Client, there: World, kind: str) -> None:
    there.api.faults.refuse("POST", "*", ApiError("uniqueness_error", "name is already used"))
    with pytest.raises(Refused, match=r"name is already used \(uniqueness_error\)"):
        _make(client, kind)


def test_wrong_fields_are_named(client: Client, there: World) -> None:
    there.api.faults.refuse("POST", "/ssh_keys", invalid_fields({"name": ["too long", "too odd"]}))
    with pytest.raises(Refused, match="Field: name\nMessages:\n - too long\n - too odd\nError code: invalid_input"):
        _make(client, SSH_KEY)
    there.api.faults.refuse("POST", "/firewalls", invalid_fields({"rules": ["bad"]}))
    with pytest.raises(Refused, match=r"\(invalid_input\): \[rules => \[bad\]\]"):
        _make(client, FIREWALL)


def test_a_box_whose_protection_fails_is_lost_like_with_the_official_plugin(client: Client, there: World) -> None:
    there.api.faults.refuse("POST", "/storage_boxes/*/actions/*", ApiError("service_error", "not now"))
    with pytest.raises(Refused, match=r"API request failed: .*\n\nnot now \(service_error\)"):
        _make(client, BOX_KIND)
    assert len(there.api.state.boxes) == 2


def test_a_server_whose_protection_fails_stays_known(client: Client, there: World) -> None:
    there.api.faults.refuse("POST", "/servers/*/actions/*", ApiError("service_error", "not now"))
    inputs, made = _make(client, SERVER_KIND)
    assert "creating urn:pulumi:stack::project::" in made.error
    assert "* not now (service_error)" in made.error
    assert made.identifier == str(max(server.id for server in there.api.state.servers))
    assert client.diff(SERVER_KIND, made.state, inputs, inputs)["changed"] is False


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serverType": "zz"}, "server type zz not found"),
        ({"image": "zz"}, "image zz for architecture x86 not found"),
        ({"sshKeys": ["zz"]}, "SSH key not found: zz"),
        ({"placementGroupId": 77}, "placement group not found: 77"),
    ],
)
def test_what_a_server_needs_has_to_be_there(client: Client, there: World, change: Properties, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        _make(client, SERVER_KIND, **change)
    assert [server.id for server in there.api.state.servers] == [SERVER]


def test_too_many_requests_are_only_slow(client: Client, there: World) -> None:
    there.api.faults.rate_limit("POST", "/ssh_keys")
    assert _make(client, SSH_KEY)[1].error == ""
    assert [said.status for said in there.api.exchanges if said.path == "/ssh_keys"] == [429, 201]


def test_a_failing_api_is_told_at_once(client: Client, there: World) -> None:
    there.api.faults.unavailable("POST", "/ssh_keys")
    with pytest.raises(Refused, match="the service is not available"):
        _make(client, SSH_KEY)


def test_a_box_makes_one_account_at_a_time(client: Client, there: World) -> None:
    there.api.faults.refuse("POST", f"/storage_boxes/{BOX}/subaccounts", ApiError("locked", "storage_box is locked"))
    assert _make(client, SUBACCOUNT)[1].error == ""


def test_a_protected_address_is_not_tried_again(client: Client, there: World) -> None:
    _, made = _make(client, PRIMARY_IP)
    there.requests()
    with pytest.raises(Refused, match=r"\(protected\)"):
        client.delete(PRIMARY_IP, made.identifier, made.state)
    assert [method for method, _, _ in there.requests()] == ["DELETE"]


def test_drift_of_a_server_is_seen(client: Client, there: World) -> None:
    inputs, made = _make(client, SERVER_KIND)
    path = f"/servers/{made.identifier}"
    there.ask("PUT", path, name="other", labels={"by": "hand"})
    there.ask("POST", f"{path}/actions/change_protection", delete=False, rebuild=False)
    found = client.read(SERVER_KIND, made.identifier, made.state, inputs)
    assert found is not None
    difference = client.diff(SERVER_KIND, found[0].state, found[1], inputs)
    assert difference["diffs"] == ["deleteProtection", "labels", "name", "rebuildProtection"]
    assert difference["replaces"] == []
    assert {name for name in inputs if found[1].get(name) != inputs[name]} == set(difference["diffs"])


def test_drift_of_a_box_is_seen(client: Client, there: World) -> None:
    inputs, made = _make(client, BOX_KIND)
    path = f"/storage_boxes/{made.identifier}/actions"
    there.ask("POST", f"{path}/disable_snapshot_plan")
    there.ask("POST", f"{path}/change_protection", delete=False)
    found = client.read(BOX_KIND, made.identifier, made.state, inputs)
    assert found is not None
    assert client.diff(BOX_KIND, found[0].state, found[1], inputs)["diffs"] == ["deleteProtection", "snapshotPlan"]
    assert "snapshotPlan" not in found[1]


def test_secrets_are_marked(client: Client, there: World) -> None:  # noqa: ARG001
    inputs, made = _make(client, BOX_KIND)
    assert isinstance(inputs["password"], Secret)
    assert isinstance(made.state["password"], Secret)


@pytest.mark.parametrize(
    ("kind", "identifier", "inputs"),
    [
        (SERVER_KIND, str(SERVER), {"name": "other-server", "serverType": "cx23", "image": "debian-13", "location": "fsn1"}),
        (SERVER_KIND, "other-server", {"name": "other-server", "serverType": "cx23", "image": "debian-13", "location": "fsn1"}),
        (BOX_KIND, str(BOX), {"name": "other-box", "storageBoxType": "bx11", "location": "fsn1"}),
        (BOX_KIND, "other-box", {"name": "other-box", "storageBoxType": "bx11", "location": "fsn1"}),
        (FIREWALL, str(WALL), {"name": "wall"}),
        (PRIMARY_IP, str(ADDRESS), {"name": "address", "type": "ipv4", "location": "fsn1"}),
    ],
)
def test_imports_find_what_is_there(client: Client, there: World, kind: str, identifier: str, inputs: Properties) -> None:  # noqa: ARG001
    found = client.read(kind, identifier, {}, {})
    assert found is not None
    assert {name: found[1].get(name) for name in inputs} == inputs


@pytest.mark.parametrize(
    ("kind", "identifier", "reason"),
    [
        (BOX_KIND, "unheard", r"Resource \(storage box\) was not found: name=unheard"),
        (SUBACCOUNT, "1", r"expected '\$STORAGE_BOX_ID/\$SUBACCOUNT_ID' but received '1'"),
        (RRSET, "@/A", r"expected '\$ZONE_ID_OR_NAME/\$RRSET_NAME/\$RRSET_TYPE' but received '@/A'"),
    ],
)
def test_imports_of_nonsense_are_refused(client: Client, there: World, kind: str, identifier: str, reason: str) -> None:  # noqa: ARG001
    with pytest.raises(Refused, match=reason):
        client.read(kind, identifier, {}, {})


@pytest.mark.parametrize("name", ["datacenter", "iso", "rescue"])
def test_what_is_not_covered_is_refused(client: Client, name: str) -> None:
    _, failures = client.check(SERVER_KIND, {**_base(SERVER_KIND).inputs, name: "x"})
    assert failures == [
        f"`{name}` is not covered by the stand-in plugin, though the official one has it. Examine values at 'res.{name}'."
    ]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:DB8::/32"])
def test_networks_that_the_official_plugin_would_lose_are_refused(client: Client, address: str) -> None:
    rule = {"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": [address]}
    _, (failure,) = client.check(FIREWALL, {"rules": [rule]})
    assert f"`{address}` is not covered by the stand-in plugin; write " in failure
