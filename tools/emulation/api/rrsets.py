"""`/zones/{id_or_name}/rrsets`: the records of a zone."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import Field

from tools.emulation.api.actions import show_action
from tools.emulation.api.errors import invalid, not_found, not_unique, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Rrset, Zone
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created, ok
from tools.emulation.api.zones import KIND, Ttl, zone_of

_RRSET = "rrset"
_ONE = "/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}"
Type = Literal["A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SOA", "SRV", "SVCB", "TLSA", "TXT"]


class _Record(Body):
    value: Annotated[str, Field(min_length=1)]
    comment: str = ""


Records = Annotated[list[_Record], Field(min_length=1)]


class _Create(Body):
    name: Annotated[str, Field(pattern=r"^(@|[a-z0-9_*-]+(\.[a-z0-9_-]+)*)$")]
    type: Type
    ttl: Ttl | None = None
    labels: Labels = Field(default_factory=dict)
    records: Records


class _Update(Body):
    labels: Labels | None = None


class _Records(Body):
    records: Records


class _AddRecords(_Records):
    ttl: Ttl | None = None


class _ChangeTtl(Body):
    ttl: Ttl | None


class _ChangeProtection(Body):
    change: bool


def show(zone: Zone, rrset: Rrset) -> dict[str, Any]:
    """Return records as the API shows them."""
    return {
        "id": rrset.id,
        "name": rrset.name,
        "type": rrset.type,
        "ttl": rrset.ttl,
        "labels": rrset.labels,
        "records": rrset.records,
        "protection": {"change": rrset.change_protection},
        "zone": zone.id,
    }


def _checked(kind: str, records: list[_Record]) -> list[dict[str, Any]]:
    """Return records that are valid for a type.

    Raises:
        ApiError: One is not.
    """
    values = [record.value for record in records]
    if len(set(values)) < len(values):
        raise invalid("records", "are there twice")
    for value in values:
        if kind == "TXT" and not (value.startswith('"') and value.endswith('"') and len(value) > 1):
            raise invalid("records", "TXT records must be in double quotes")
        if kind in {"A", "AAAA"}:
            try:
                (ipaddress.IPv4Address if kind == "A" else ipaddress.IPv6Address)(value)
            except ValueError as error:
                raise invalid("records", f"{value!r} is not an address of {kind} records") from error
    return [record.model_dump() for record in records]


def _both(call: Call, *, to_change: bool = True) -> tuple[Zone, Rrset]:
    zone, key = zone_of(call), f"{call.path['rr_name']}/{call.path['rr_type']}"
    if key not in zone.rrsets:
        raise not_found(_RRSET, key)
    if to_change and zone.rrsets[key].change_protection:
        raise protected(_RRSET, key, "change")
    return zone, zone.rrsets[key]


def _done(call: Call, zone: Zone, command: str) -> dict[str, Any]:
    return show_action(call.state.done(command, (KIND, zone.id)))


def _create(call: Call) -> Answer:
    zone, wanted = zone_of(call), call.body(_Create)
    rrset = Rrset(
        name=wanted.name,
        type=wanted.type,
        ttl=wanted.ttl,
        labels=wanted.labels,
        records=_checked(wanted.type, wanted.records),
    )
    if rrset.id in zone.rrsets:
        raise not_unique(_RRSET, "name")
    others = [other for other in zone.rrsets.values() if other.name == rrset.name]
    if others and "CNAME" in {rrset.type, *(other.type for other in others)}:
        raise invalid("type", "a CNAME stands alone under its name")
    zone.rrsets[rrset.id] = rrset
    return created(rrset=show(zone, rrset), action=_done(call, zone, "create_rrset"))


def _list(call: Call) -> Answer:
    zone = zone_of(call)
    return listing(call, "rrsets", [show(zone, item) for item in zone.rrsets.values()], fields=("name", "type"))


def _get(call: Call) -> Answer:
    return ok(rrset=show(*_both(call, to_change=False)))


def _update(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call, to_change=False), call.body(_Update)
    if wanted.labels is not None:
        rrset.labels = wanted.labels
    return ok(rrset=show(zone, rrset))


def _delete(call: Call) -> Answer:
    zone, rrset = _both(call)
    if rrset.type == "SOA":
        raise invalid("rr_type", "a zone has a SOA record always")
    del zone.rrsets[rrset.id]
    return created(action=_done(call, zone, "delete_rrset"))


def _set_records(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call), call.body(_Records)
    rrset.records = _checked(rrset.type, wanted.records)
    return created(action=_done(call, zone, "set_rrset_records"))


def _add_records(call: Call) -> Answer:
    zone, wanted = zone_of(call), call.body(_AddRecords)
    name, kind = call.path["rr_name"], call.path["rr_type"]
    if f"{name}/{kind}" in zone.rrsets:
        _, rrset = _both(call)
    else:
        rrset = Rrset(name=name, type=kind, ttl=wanted.ttl, records=[])
    if {record["value"] for record in rrset.records} & {record.value for record in wanted.records}:
        raise invalid("records", "are there already")
    if wanted.ttl not in {None, rrset.ttl}:
        raise invalid("ttl", f"is {rrset.ttl} already")
    rrset.records = [*rrset.records, *_checked(kind, wanted.records)]
    zone.rrsets[rrset.id] = rrset
    return created(action=_done(call, zone, "add_rrset_records"))


def _remove_records(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call), call.body(_Records)
    gone = {record.value for record in wanted.records}
    if gone - {record["value"] for record in rrset.records}:
        raise invalid("records", "are not there")
    rrset.records = [record for record in rrset.records if record["value"] not in gone]
    if not rrset.records:
        del zone.rrsets[rrset.id]
    return created(action=_done(call, zone, "remove_rrset_records"))


def _update_records(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call), call.body(_Records)
    comments = {record.value: record.comment for record in wanted.records}
    if comments.keys() - {record["value"] for record in rrset.records}:
        raise invalid("records", "are not there")
    rrset.records = [{**record, "comment": comments.get(record["value"], record["comment"])} for record in rrset.records]
    return ok(action=_done(call, zone, "update_rrset_records"))


def _change_ttl(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call), call.body(_ChangeTtl)
    rrset.ttl = wanted.ttl
    return created(action=_done(call, zone, "change_rrset_ttl"))


def _change_protection(call: Call) -> Answer:
    (zone, rrset), wanted = _both(call, to_change=False), call.body(_ChangeProtection)
    rrset.change_protection = wanted.change
    return created(action=_done(call, zone, "change_rrset_protection"))


OPERATIONS: Operations = (
    Operation("POST", "/zones/{id_or_name}/rrsets", _create),
    Operation("GET", "/zones/{id_or_name}/rrsets", _list),
    Operation("GET", _ONE, _get),
    Operation("PUT", _ONE, _update),
    Operation("DELETE", _ONE, _delete),
    Operation("POST", _ONE + "/actions/set_records", _set_records),
    Operation("POST", _ONE + "/actions/add_records", _add_records),
    Operation("POST", _ONE + "/actions/remove_records", _remove_records),
    Operation("POST", _ONE + "/actions/update_records", _update_records),
    Operation("POST", _ONE + "/actions/change_ttl", _change_ttl),
    Operation("POST", _ONE + "/actions/change_protection", _change_protection),
)
