"""Sets of DNS records in a zone."""

from __future__ import annotations

from collections.abc import Iterator

from tools.offline.plugins.hcloud.framework import FrameworkResource, same
from tools.offline.plugins.hcloud.requests import changed_fields, delete_quietly
from tools.offline.plugins.resource import Failure, PluginError
from tools.offline.plugins.schema import STRING, Property
from tools.offline.plugins.values import Properties


def _not_soa(value: str) -> str:
    return "SOA records are not covered by the stand-in plugin" if value == "SOA" else ""


_RECORD = Property(kind="object", fields={"value": Property(required=True), "comment": STRING})
SCHEMA = {
    "zone": Property(required=True, replaces=True),
    "name": Property(required=True, named=True, replaces=True),
    "type": Property(required=True, replaces=True, rule=_not_soa),
    "ttl": Property(kind="int"),
    "labels": Property(kind="map", default={}),
    "changeProtection": Property(kind="bool", computed=True),
    "records": Property(kind="set", item=_RECORD, required=True),
}
_IMPORT_ID = "$ZONE_ID_OR_NAME/$RRSET_NAME/$RRSET_TYPE"


class ZoneRrset(FrameworkResource):
    """`hcloud:index/zoneRrset:ZoneRrset`."""

    schema = SCHEMA
    volatile = frozenset({"changeProtection"})

    def _faults(self, name: str, inputs: Properties) -> Iterator[Failure]:
        yield from super()._faults(name, inputs)
        if inputs.get("records") == []:
            reason = "Attribute records set must contain at least 1 elements, got: 0"
            yield Failure(f"Invalid Attribute Value. {reason}. Examine values at '{name}.records'.")

    def _make(self, plan: Properties) -> Properties:
        path = f"/zones/{plan['zone']}/rrsets"
        body = {"name": plan["name"], "type": plan["type"], "records": plan["records"], "labels": plan["labels"]}
        if plan["ttl"] is not None:
            body["ttl"] = plan["ttl"]
        answer = self._api.ask("POST", path, body)
        made = answer["rrset"]
        if plan["changeProtection"] is not None:
            protect = f"/zones/{made['zone']}/rrsets/{made['id']}/actions/change_protection"
            self._api.act(protect, {"change": plan["changeProtection"]})
        self._api.settle(answer["action"])
        return _state(self._api.ask("GET", f"{path}/{made['id']}")["rrset"], plan["zone"])

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        zone, separator, number = identifier.partition("/")
        if before:
            zone, number = before["zone"], identifier
        elif not separator or "/" not in number:
            reason = f"Received an invalid import ID, expected '{_IMPORT_ID}' but received '{identifier}'."
            raise PluginError(f"Invalid import ID: {reason}")
        found = self._api.find(f"/zones/{zone}/rrsets/{number}", "rrset")
        return None if found is None else _state(found, zone)

    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        path = f"/zones/{old['zone']}/rrsets/{identifier}"
        protects = plan["changeProtection"] != old.get("changeProtection")
        if protects and not plan["changeProtection"]:
            self._api.act(f"{path}/actions/change_protection", {"change": False})
        if plan["ttl"] != old.get("ttl"):
            self._api.act(f"{path}/actions/change_ttl", {"ttl": plan["ttl"]})
        if not same(SCHEMA["records"], old.get("records"), plan["records"]):
            self._api.act(f"{path}/actions/set_records", {"records": plan["records"]})
        found = self._api.ask("PUT", path, changed_fields(old, plan, labels="labels"))["rrset"]
        if protects and plan["changeProtection"]:
            self._api.act(f"{path}/actions/change_protection", {"change": True})
            found["protection"] = {"change": True}
        return _state(found, old["zone"])

    def _remove(self, identifier: str, state: Properties) -> None:
        delete_quietly(self._api, f"/zones/{state['zone']}/rrsets/{identifier}")


def _state(found: Properties, zone: str) -> Properties:
    records = [
        {"value": record["value"], **({"comment": record["comment"]} if record.get("comment") else {})}
        for record in found["records"]
    ]
    state = {
        "id": found["id"],
        "zone": zone,
        "name": found["name"],
        "type": found["type"],
        "labels": found["labels"],
        "changeProtection": found["protection"]["change"],
        "records": records,
    }
    return state if found["ttl"] is None else {**state, "ttl": found["ttl"]}
