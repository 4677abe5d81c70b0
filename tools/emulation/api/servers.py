"""`/servers`: from creation to deletion."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from tools.emulation.api import firewalls, placement_groups, primary_ips
from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.catalog import IMAGES, LOCATIONS, SERVER_TYPES, Image, Location, ServerType, find
from tools.emulation.api.errors import ApiError, invalid, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import PrimaryIp, Server, Volume
from tools.emulation.api.server_work import KIND, boot, lane_of, spec_of, unlocked
from tools.emulation.api.state import State
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, Update, created, ok, update_fields

_MAX_USER_DATA = 32 * 1024


def _host_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?", name):
        raise ValueError("is not a host name as in RFC 1123")
    return name


def _user_data(text: str) -> str:
    if len(text.encode()) > _MAX_USER_DATA:
        raise ValueError(f"is longer than {_MAX_USER_DATA} bytes")
    return text


HostName = Annotated[str, AfterValidator(_host_name)]
UserData = Annotated[str, AfterValidator(_user_data)]


class _Firewall(Body):
    firewall: int


class _PublicNet(Body):
    enable_ipv4: bool = True
    enable_ipv6: bool = True
    ipv4: int | None = None
    ipv6: int | None = None


class _Create(Body):
    name: HostName
    server_type: int | str
    image: int | str
    location: int | str | None = None
    ssh_keys: list[int | str] = Field(default_factory=list)
    volumes: list[int] = Field(default_factory=list)
    automount: bool = False
    firewalls: list[_Firewall] = Field(default_factory=list)
    networks: Annotated[list[int], Field(max_length=0)] = Field(default_factory=list)
    user_data: UserData = ""
    labels: Labels = Field(default_factory=dict)
    start_after_create: bool = True
    placement_group: int | None = None
    public_net: _PublicNet = _PublicNet()


class _Update(Update):
    name: HostName | None = None


def show(state: State, server: Server) -> dict[str, Any]:
    """Return a server as the API shows it."""
    ipv4, ipv6 = primary_ips.of_server(state, server, "ipv4"), primary_ips.of_server(state, server, "ipv6")
    group = placement_groups.of(state, server)
    return {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "locked": server.locked,
        "created": server.created.isoformat(),
        "server_type": server.type.body(),
        "image": server.image.body(),
        "iso": None,
        "location": server.location.body(),
        "datacenter": server.location.datacenter(),
        "primary_disk_size": server.primary_disk_gb,
        "public_net": {
            "ipv4": _show_ipv4(ipv4) if ipv4 else None,
            "ipv6": _show_ipv6(ipv6) if ipv6 else None,
            "floating_ips": [],
            "firewalls": [{"id": item.id, "status": "applied"} for item in firewalls.of(state, server)],
        },
        "private_net": [],
        "placement_group": placement_groups.show(group) if group else None,
        "volumes": [volume.id for volume in state.volumes if volume.server == server.id],
        "load_balancers": [],
        "protection": {"delete": server.delete_protection, "rebuild": server.rebuild_protection},
        "backup_window": server.backup_window,
        "rescue_enabled": False,
        "labels": server.labels,
        "included_traffic": 0,
        "ingoing_traffic": 0,
        "outgoing_traffic": 0,
    }


def _show_ipv4(address: PrimaryIp) -> dict[str, Any]:
    return {"id": address.id, "ip": address.ip, "blocked": False, "dns_ptr": address.dns_ptr[address.ip]}


def _show_ipv6(address: PrimaryIp) -> dict[str, Any]:
    return {"id": address.id, "ip": address.ip, "blocked": False, "dns_ptr": primary_ips.show_names(address)}


def find_image(wanted: int | str, server_type: ServerType) -> Image:
    """Return an image that a type of server can run.

    Raises:
        ApiError: There is none.
    """
    candidates = [image for image in IMAGES if image.architecture == server_type.architecture]
    return find(candidates, wanted, "image")


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    server_type = find(SERVER_TYPES, wanted.server_type, "server_type")
    keys = [state.ssh_keys.find(key).public_key for key in wanted.ssh_keys]
    net = wanted.public_net
    given = [_given_address(state, "ipv4", net.ipv4), _given_address(state, "ipv6", net.ipv6)]
    location = find(LOCATIONS, wanted.location, "location") if wanted.location is not None else None
    location = location or next((item.location for item in given if item), LOCATIONS[0])
    if any(item and item.location != location for item in given):
        raise ApiError("primary_ip_datacenter_mismatch", "the Primary IP is in another location")
    volumes = _free_volumes(state, wanted.volumes, location)
    walls = [state.firewalls.get(item.firewall) for item in wanted.firewalls]
    group = state.placement_groups.get(wanted.placement_group) if wanted.placement_group else None
    if not net.enable_ipv4:
        raise ApiError("unsupported_error", "the emulation has servers with an IPv4 address only")
    server = Server(
        id=state.new_id(),
        name=wanted.name,
        labels=wanted.labels,
        type=server_type,
        image=find_image(wanted.image, server_type),
        location=location,
        primary_disk_gb=server_type.disk,
        user_data=wanted.user_data,
        authorized_keys=keys,
    )
    state.servers.check_name(server.name)
    addresses = [given[0] or primary_ips.new(state, "ipv4", location)]
    if net.enable_ipv6:
        addresses.append(given[1] or primary_ips.new(state, "ipv6", location))
    # From here on nothing can be refused.
    state.servers.add(server)
    for address in addresses:
        address.assignee_id = server.id
    for volume in volumes:
        volume.server = server.id
    for wall in walls:
        wall.servers.append(server.id)
    if group:
        group.servers.append(server.id)
    if wanted.start_after_create:
        spec_of(state, server)
        action = boot(state, server, "create_server", through="initializing")
        # It waits in the lane until the server has booted.
        start = state.begin("start_server", [(KIND, server.id)], lane_of(state, server), lambda: _check_booted(server))
        next_actions = [show_action(start)]
    else:
        server.status = "off"
        action, next_actions = state.done("create_server", (KIND, server.id)), []
    # There is no root password, with or without a key.
    password = None if keys else secrets.token_urlsafe(15)
    return created(server=show(state, server), action=show_action(action), next_actions=next_actions, root_password=password)


def _check_booted(server: Server) -> None:
    if server.status != "running":
        raise RuntimeError("the server has not been created")


def _free_volumes(state: State, keys: Sequence[int], location: Location) -> list[Volume]:
    volumes = [state.volumes.get(key) for key in keys]
    if any(volume.location != location for volume in volumes):
        raise invalid("volumes", "must be in the location of the server")
    if any(volume.server is not None for volume in volumes):
        raise ApiError("volume_already_attached", "a volume is attached to a server already")
    return volumes


def _given_address(state: State, kind: str, key: int | None) -> PrimaryIp | None:
    if not key:
        return None
    address = state.primary_ips.get(key)
    if address.type != kind:
        raise ApiError("primary_ip_version_mismatch", f"primary_ip {key} is {address.type}, not {kind}")
    if address.assignee_id is not None:
        raise ApiError("primary_ip_assigned", f"primary_ip {key} is assigned to server {address.assignee_id}")
    return address


def _list(call: Call) -> Answer:
    return listing(call, "servers", (show(call.state, item) for item in call.state.servers), fields=("name", "status"))


def _get(call: Call) -> Answer:
    return ok(server=show(call.state, call.state.servers.get(call.id())))


def _update(call: Call) -> Answer:
    server = call.state.servers.get(call.id())
    update_fields(call.state.servers, server, call.body(_Update))
    return ok(server=show(call.state, server))


def _delete(call: Call) -> Answer:
    state = call.state
    server = unlocked(state, call.id())
    if server.delete_protection:
        raise protected(KIND, server.id, "delete")
    lane = lane_of(state, server)
    for volume in state.volumes:
        volume.server = None if volume.server == server.id else volume.server
    for holder in (*state.firewalls, *state.placement_groups):
        if server.id in holder.servers:
            holder.servers.remove(server.id)
    for address in state.primary_ips:
        if address.assignee_id == server.id:
            address.assignee_id = None
            if address.auto_delete:
                state.primary_ips.remove(address.id)
    state.servers.remove(server.id)
    action = state.begin("delete_server", [(KIND, server.id)], lane, lambda: state.machines.delete_server(server.id))
    return ok(action=show_action(action))


OPERATIONS: Operations = (
    *for_kind("/servers", KIND),
    Operation("POST", "/servers", _create),
    Operation("GET", "/servers", _list),
    Operation("GET", "/servers/{id}", _get),
    Operation("PUT", "/servers/{id}", _update),
    Operation("DELETE", "/servers/{id}", _delete),
)
