"""Zones and their records, by the official client."""

from __future__ import annotations

from typing import Any

import pytest
from hcloud.zones import ZoneRecord

from tests.tools.emulation.api.conftest import refused
from tools.emulation.api.server import Api


def test_a_zone_has_records(api: Api, client: Any) -> None:
    zone = client.zones.create(name="example.com", mode="primary").zone
    assert {item.type for item in client.zones.get_rrset_all(zone)} == {"SOA", "NS"}
    answer = zone.create_rrset(name="registry", type="A", ttl=300, records=[ZoneRecord("127.0.0.50", "the server")])
    answer.action.wait_until_finished()
    rrset = zone.get_rrset("registry", "A")
    rrset.set_rrset_records([ZoneRecord("127.0.0.51")]).wait_until_finished()
    rrset.change_rrset_ttl(600).wait_until_finished()
    zone.add_rrset_records(rrset, [ZoneRecord("127.0.0.52")]).wait_until_finished()
    rrset.update_rrset(labels={"a": "b"})
    now = zone.get_rrset("registry", "A")
    assert (now.ttl, now.labels) == (600, {"a": "b"})
    assert [record.value for record in now.records or []] == ["127.0.0.51", "127.0.0.52"]
    zone.remove_rrset_records(rrset, now.records or []).wait_until_finished()
    assert [item.type for item in client.zones.get_rrset_all(zone, name="registry")] == []
    zone.change_ttl(60).wait_until_finished()
    assert client.zones.get("example.com").ttl == 60
    zone.delete().action.wait_until_finished()
    assert api.is_empty


def test_protected_records_do_not_change(client: Any) -> None:
    zone = client.zones.create(name="example.com", mode="primary").zone
    rrset = zone.create_rrset(name="www", type="TXT", records=[ZoneRecord('"text"')]).rrset
    rrset.change_rrset_protection(change=True).wait_until_finished()
    refused("protected", lambda: rrset.set_rrset_records([ZoneRecord('"other"')]))
    refused("protected", rrset.delete_rrset)


@pytest.mark.parametrize(("kind", "value"), [("TXT", "bare"), ("A", "::1"), ("AAAA", "127.0.0.1")])
def test_records_are_of_their_type(client: Any, kind: Any, value: str) -> None:
    zone = client.zones.create(name="example.com", mode="primary").zone
    refused("invalid_input", lambda: zone.create_rrset(name="www", type=kind, records=[ZoneRecord(value)]))


def test_a_missing_zone_is_not_found(client: Any) -> None:
    refused("not_found", lambda: client.zones.get("example.com"))
