"""`/primary_ips`: addresses that outlive their servers."""

from __future__ import annotations

import ipaddress
from typing import Any, Literal

from pydantic import Field

from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.catalog import LOCATIONS, Location, find
from tools.emulation.api.errors import ApiError, invalid, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import PrimaryIp, Server
from tools.emulation.api.state import State
from tools.emulation.api.web import (
    Answer,
    Body,
    Call,
    Operation,
    Operations,
    Protection,
    Update,
    created,
    no_content,
    ok,
    update_fields,
)

_KIND = "primary_ip"


class _Create(Body):
    name: str
    type: Literal["ipv4", "ipv6"]
    # The API description requires it always; the official clients send it only together with the id.
    assignee_type: Literal["server"] | None = None
    assignee_id: int | None = None
    auto_delete: bool = False
    location: int | str | None = None
    labels: Labels = Field(default_factory=dict)


class _Assign(Body):
    assignee_id: int
    assignee_type: Literal["server"]


class _Update(Update):
    auto_delete: bool | None = None


class DnsPtr(Body):
    """`change_dns_ptr`, also of servers; null resets it."""

    ip: str
    dns_ptr: str | None


def show(address: PrimaryIp) -> dict[str, Any]:
    """Return an address as the API shows it."""
    return {
        "id": address.id,
        "name": address.name,
        "type": address.type,
        "ip": address.ip,
        "location": address.location.body(),
        "datacenter": address.location.datacenter(),
        "assignee_id": address.assignee_id,
        "assignee_type": "server",
        "auto_delete": address.auto_delete,
        "blocked": False,
        "dns_ptr": show_names(address),
        "labels": address.labels,
        "protection": {"delete": address.delete_protection},
        "created": address.created.isoformat(),
    }


def show_names(address: PrimaryIp) -> list[dict[str, str]]:
    """Return the reverse names as the API shows them."""
    return [{"ip": ip, "dns_ptr": name} for ip, name in address.dns_ptr.items()]


def of_server(state: State, server: Server, kind: Literal["ipv4", "ipv6"]) -> PrimaryIp | None:
    """Return a server's address of one kind."""
    return next((item for item in state.primary_ips if item.assignee_id == server.id and item.type == kind), None)


def new(
    state: State, kind: Literal["ipv4", "ipv6"], location: Location, *, name: str = "", auto_delete: bool = True, **more: Any
) -> PrimaryIp:
    """Allocate an address.

    Raises:
        ApiError: None are left, or the name is taken.
    """
    key = state.new_id()
    ip = state.free_ipv4() if kind == "ipv4" else state.new_ipv6()
    address = PrimaryIp(
        id=key, name=name or f"{_KIND}-{key}", type=kind, ip=ip, location=location, auto_delete=auto_delete, **more
    )
    if kind == "ipv4":
        address.dns_ptr = {ip: default_name(ip)}
    return state.primary_ips.add(address)


def default_name(ip: str) -> str:
    """Return the initial reverse name of an IPv4 address."""
    return "static.{3}.{2}.{1}.{0}.clients.your-server.de".format(*ip.split("."))


def change_name(address: PrimaryIp, wanted: DnsPtr) -> None:
    """Change, or reset, a reverse name.

    Raises:
        ApiError: The IP is not of this address.
    """
    try:
        known = ipaddress.ip_address(wanted.ip) in ipaddress.ip_network(address.ip)
    except ValueError as error:
        raise invalid("ip", "is not an IP address") from error
    if not known:
        raise ApiError("not_found", f"IP {wanted.ip} not found")
    if wanted.dns_ptr is not None:
        address.dns_ptr[wanted.ip] = wanted.dns_ptr
    elif address.type == "ipv4":
        address.dns_ptr[wanted.ip] = default_name(wanted.ip)
    else:
        address.dns_ptr.pop(wanted.ip, None)


def check_assignable(state: State, address_type: Literal["ipv4", "ipv6"], location: Location, server_id: int) -> Server:
    """Return the server to assign an address to.

    Raises:
        ApiError: It cannot have this address.
    """
    server = state.servers.get(server_id)
    if server.status != "off":
        raise ApiError("server_not_stopped", f"server {server.id} must be powered off")
    if of_server(state, server, address_type):
        code = "server_has_ipv4" if address_type == "ipv4" else "server_has_ipv6"
        raise ApiError(code, f"server {server.id} already has an {address_type} address")
    if server.location != location:
        raise invalid("assignee_id", f"server {server.id} is in another location")
    return server


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    server_id = wanted.assignee_id or None  # zero is nobody
    if (server_id is None) is (wanted.location is None):
        raise invalid("location", "either location or assignee_id is needed")
    if server_id is None:
        location = find(LOCATIONS, wanted.location or "", "location")
    else:
        location = state.servers.get(server_id).location
        check_assignable(state, wanted.type, location, server_id)
    address = new(
        state,
        wanted.type,
        location,
        name=wanted.name,
        auto_delete=wanted.auto_delete,
        labels=wanted.labels,
        assignee_id=server_id,
    )
    if server_id is None:
        return created(primary_ip=show(address))
    action = state.done("assign_primary_ip", (_KIND, address.id), ("server", server_id))
    return created(primary_ip=show(address), action=show_action(action))


def _list(call: Call) -> Answer:
    return listing(call, "primary_ips", map(show, call.state.primary_ips), fields=("name", "ip"))


def _get(call: Call) -> Answer:
    return ok(primary_ip=show(call.state.primary_ips.get(call.id())))


def _update(call: Call) -> Answer:
    address, wanted = call.state.primary_ips.get(call.id()), call.body(_Update)
    update_fields(call.state.primary_ips, address, wanted)
    if wanted.auto_delete is not None:
        address.auto_delete = wanted.auto_delete
    return ok(primary_ip=show(address))


def _delete(call: Call) -> Answer:
    address = call.state.primary_ips.get(call.id())
    if address.delete_protection:
        raise protected(_KIND, address.id, "delete")
    if address.assignee_id is not None:
        raise ApiError("must_be_unassigned", f"{_KIND} {address.id} is assigned to server {address.assignee_id}")
    call.state.primary_ips.remove(address.id)
    return no_content()


def _assign(call: Call) -> Answer:
    address, wanted = call.state.primary_ips.get(call.id()), call.body(_Assign)
    if address.assignee_id is not None:
        raise ApiError("primary_ip_already_assigned", f"{_KIND} {address.id} is assigned to server {address.assignee_id}")
    server = check_assignable(call.state, address.type, address.location, wanted.assignee_id)
    address.assignee_id = server.id
    return created(action=show_action(call.state.done("assign_primary_ip", (_KIND, address.id), ("server", server.id))))


def _unassign(call: Call) -> Answer:
    address = call.state.primary_ips.get(call.id())
    if address.assignee_id is None:
        raise invalid("id", "is not assigned")
    server = call.state.servers.get(address.assignee_id)
    if server.status != "off":
        raise ApiError("server_not_stopped", f"server {server.id} must be powered off")
    address.assignee_id = None
    return created(action=show_action(call.state.done("unassign_primary_ip", (_KIND, address.id), ("server", server.id))))


def _change_dns_ptr(call: Call) -> Answer:
    address = call.state.primary_ips.get(call.id())
    change_name(address, call.body(DnsPtr))
    return created(action=show_action(call.state.done("change_dns_ptr", (_KIND, address.id))))


def _change_protection(call: Call) -> Answer:
    address, wanted = call.state.primary_ips.get(call.id()), call.body(Protection)
    address.delete_protection = wanted.applied_to(address.delete_protection)
    return created(action=show_action(call.state.done("change_protection", (_KIND, address.id))))


OPERATIONS: Operations = (
    *for_kind("/primary_ips", _KIND),
    Operation("POST", "/primary_ips", _create),
    Operation("GET", "/primary_ips", _list),
    Operation("GET", "/primary_ips/{id}", _get),
    Operation("PUT", "/primary_ips/{id}", _update),
    Operation("DELETE", "/primary_ips/{id}", _delete),
    Operation("POST", "/primary_ips/{id}/actions/assign", _assign),
    Operation("POST", "/primary_ips/{id}/actions/unassign", _unassign),
    Operation("POST", "/primary_ips/{id}/actions/change_dns_ptr", _change_dns_ptr),
    Operation("POST", "/primary_ips/{id}/actions/change_protection", _change_protection),
)
