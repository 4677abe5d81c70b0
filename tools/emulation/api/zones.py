"""`/zones`: DNS zones; no DNS server answers for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.errors import ApiError, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Rrset, Zone
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, Protection, created, ok

KIND = "zone"
NAME_SERVERS = ("hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de.")
Ttl = Annotated[int, Field(ge=60, le=2147483647)]


class _Create(Body):
    name: Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)+$")]
    mode: Literal["primary", "secondary"]
    ttl: Ttl = 3600
    labels: Labels = Field(default_factory=dict)


class _Update(Body):
    labels: Labels | None = None


class _ChangeTtl(Body):
    ttl: Ttl


def show(zone: Zone) -> dict[str, Any]:
    """Return a zone as the API shows it."""
    return {
        "id": zone.id,
        "name": zone.name,
        "mode": zone.mode,
        "ttl": zone.ttl,
        "status": "ok",
        "registrar": "other",
        "record_count": sum(len(rrset.records) for rrset in zone.rrsets.values()),
        "primary_nameservers": [],
        "authoritative_nameservers": {
            "assigned": list(NAME_SERVERS),
            "delegated": [],
            # A Go client cannot read null here.
            "delegation_last_check": zone.created.isoformat(),
            "delegation_status": "unknown",
        },
        "labels": zone.labels,
        "protection": {"delete": zone.delete_protection},
        "created": zone.created.isoformat(),
    }


def zone_of(call: Call) -> Zone:
    """Return the zone that the path names, by its id or name.

    Raises:
        ApiError: There is none.
    """
    return call.state.zones.find(call.path["id_or_name"])


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    if wanted.mode == "secondary":
        raise ApiError("unsupported_error", "the emulation has primary zones only")
    zone = Zone(id=state.new_id(), name=wanted.name, labels=wanted.labels, mode=wanted.mode, ttl=wanted.ttl)
    soa = f"{NAME_SERVERS[0]} dns.hetzner.com. 1 86400 10800 3600000 3600"
    for kind, values in (("SOA", (soa,)), ("NS", NAME_SERVERS)):
        rrset = Rrset(name="@", type=kind, ttl=None, records=[{"value": value, "comment": ""} for value in values])
        zone.rrsets[rrset.id] = rrset
    state.zones.add(zone)
    return created(zone=show(zone), action=show_action(state.done("create_zone", (KIND, zone.id))))


def _list(call: Call) -> Answer:
    return listing(call, "zones", map(show, call.state.zones), fields=("name", "mode"))


def _get(call: Call) -> Answer:
    return ok(zone=show(zone_of(call)))


def _update(call: Call) -> Answer:
    zone, wanted = zone_of(call), call.body(_Update)
    if wanted.labels is not None:
        zone.labels = wanted.labels
    return ok(zone=show(zone))


def _delete(call: Call) -> Answer:
    zone = zone_of(call)
    if zone.delete_protection:
        raise protected(KIND, zone.id, "delete")
    call.state.zones.remove(zone.id)
    return created(action=show_action(call.state.done("delete_zone", (KIND, zone.id))))


def _change_protection(call: Call) -> Answer:
    zone, wanted = zone_of(call), call.body(Protection)
    zone.delete_protection = wanted.applied_to(zone.delete_protection)
    return created(action=show_action(call.state.done("change_protection", (KIND, zone.id))))


def _change_ttl(call: Call) -> Answer:
    zone, wanted = zone_of(call), call.body(_ChangeTtl)
    zone.ttl = wanted.ttl
    return created(action=show_action(call.state.done("change_ttl", (KIND, zone.id))))


OPERATIONS: Operations = (
    *for_kind("/zones", KIND, key="id_or_name", find=lambda call: zone_of(call).id),
    Operation("POST", "/zones", _create),
    Operation("GET", "/zones", _list),
    Operation("GET", "/zones/{id_or_name}", _get),
    Operation("PUT", "/zones/{id_or_name}", _update),
    Operation("DELETE", "/zones/{id_or_name}", _delete),
    Operation("POST", "/zones/{id_or_name}/actions/change_protection", _change_protection),
    Operation("POST", "/zones/{id_or_name}/actions/change_ttl", _change_ttl),
)
