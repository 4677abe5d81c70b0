"""`/servers/{id}/actions`: what happens to a server between creation and deletion."""

from __future__ import annotations

import secrets

from tools.emulation.api import placement_groups
from tools.emulation.api.actions import show_action
from tools.emulation.api.catalog import SERVER_TYPES, find
from tools.emulation.api.errors import ApiError, invalid, protected
from tools.emulation.api.primary_ips import DnsPtr, change_name
from tools.emulation.api.server_work import KIND, boot, spec_of, unlocked, work_on
from tools.emulation.api.servers import UserData, find_image
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created

# The API chooses a four-hour window.
_BACKUP_WINDOW = "22-02"


class _ChangeType(Body):
    server_type: int | str
    upgrade_disk: bool


class _Rebuild(Body):
    image: int | str
    user_data: UserData | None = None


class _Protection(Body):
    delete: bool | None = None
    rebuild: bool | None = None


class _AddToGroup(Body):
    placement_group: int


def _power_on(call: Call) -> Answer:
    server = unlocked(call.state, call.id())
    if server.status == "running":
        return created(action=show_action(call.state.done("start_server", (KIND, server.id))))
    return created(action=show_action(boot(call.state, server, "start_server", through="starting")))


def _power_off(call: Call) -> Answer:
    return _off(call, "stop_server")


def _shutdown(call: Call) -> Answer:
    return _off(call, "shutdown_server")


def _off(call: Call, command: str) -> Answer:
    state, server = call.state, unlocked(call.state, call.id())
    if server.status == "off":
        return created(action=show_action(state.done(command, (KIND, server.id))))
    key = server.id
    action = work_on(state, server, command, lambda: state.machines.power_off(key), through="stopping", to="off")
    return created(action=show_action(action))


def _reboot(call: Call) -> Answer:
    return _again(call, "reboot_server")


def _reset(call: Call) -> Answer:
    return _again(call, "reset_server")


def _again(call: Call, command: str) -> Answer:
    state, server = call.state, unlocked(call.state, call.id())
    if server.status == "off":
        raise ApiError("conflict", f"{KIND} {server.id} is off")
    spec = spec_of(state, server)

    def work() -> None:
        state.machines.power_off(spec.id)
        state.machines.boot(spec)

    return created(action=show_action(work_on(state, server, command, work, through="starting", to="running")))


def _change_type(call: Call) -> Answer:
    state, server, wanted = call.state, unlocked(call.state, call.id()), call.body(_ChangeType)
    if server.status != "off":
        raise ApiError("server_not_stopped", f"{KIND} {server.id} must be powered off")
    server_type = find(SERVER_TYPES, wanted.server_type, "server_type")
    if server_type == server.type or server_type.architecture != server.type.architecture:
        raise ApiError("invalid_server_type", f"{server_type.name} does not fit")
    if server_type.disk < server.primary_disk_gb:
        raise ApiError("invalid_server_type", f"the disk of {server_type.name} is smaller than {server.primary_disk_gb} GB")
    server.type = server_type
    if wanted.upgrade_disk:
        server.primary_disk_gb = server_type.disk
    # According to the API description, the server is started again.
    return created(action=show_action(boot(state, server, "change_server_type", through="migrating")))


def _rebuild(call: Call) -> Answer:
    state, server, wanted = call.state, unlocked(call.state, call.id()), call.body(_Rebuild)
    if server.rebuild_protection:
        raise protected(KIND, server.id, "rebuild")
    server.image = find_image(wanted.image, server.type)
    if wanted.user_data is not None:
        server.user_data = wanted.user_data
    spec = spec_of(state, server)

    def work() -> None:
        state.machines.delete_server(spec.id)
        state.machines.boot(spec)

    action = work_on(state, server, "rebuild_server", work, through="rebuilding", to="running")
    password = None if server.authorized_keys else secrets.token_urlsafe(15)
    return created(action=show_action(action), root_password=password)


def _change_protection(call: Call) -> Answer:
    server, wanted = unlocked(call.state, call.id()), call.body(_Protection)
    delete = server.delete_protection if wanted.delete is None else wanted.delete
    rebuild = server.rebuild_protection if wanted.rebuild is None else wanted.rebuild
    if delete is not rebuild:
        raise invalid("rebuild", "must be the same as delete")
    server.delete_protection, server.rebuild_protection = delete, rebuild
    return created(action=show_action(call.state.done("change_protection", (KIND, server.id))))


def _enable_backup(call: Call) -> Answer:
    server = unlocked(call.state, call.id())
    server.backup_window = server.backup_window or _BACKUP_WINDOW
    return created(action=show_action(call.state.done("enable_backup", (KIND, server.id))))


def _disable_backup(call: Call) -> Answer:
    server = unlocked(call.state, call.id())
    server.backup_window = None
    return created(action=show_action(call.state.done("disable_backup", (KIND, server.id))))


def _change_dns_ptr(call: Call) -> Answer:
    server, wanted = call.state.servers.get(call.id()), call.body(DnsPtr)
    for address in call.state.primary_ips:
        if address.assignee_id == server.id and address.type == ("ipv6" if ":" in wanted.ip else "ipv4"):
            change_name(address, wanted)
            return created(action=show_action(call.state.done("change_dns_ptr", (KIND, server.id))))
    raise ApiError("not_found", f"IP {wanted.ip} not found")


def _add_to_group(call: Call) -> Answer:
    state, server = call.state, unlocked(call.state, call.id())
    group = state.placement_groups.get(call.body(_AddToGroup).placement_group)
    if server.status != "off":
        raise ApiError("server_not_stopped", f"{KIND} {server.id} must be powered off")
    if placement_groups.of(state, server):
        raise ApiError("server_already_added", f"{KIND} {server.id} is in a placement_group already")
    group.servers.append(server.id)
    return created(action=show_action(state.done("add_to_placement_group", (KIND, server.id))))


def _remove_from_group(call: Call) -> Answer:
    state, server = call.state, unlocked(call.state, call.id())
    group = placement_groups.of(state, server)
    if group is None:
        raise invalid("id", "is in no placement_group")
    group.servers.remove(server.id)
    return created(action=show_action(state.done("remove_from_placement_group", (KIND, server.id))))


OPERATIONS: Operations = tuple(
    Operation("POST", f"/servers/{{id}}/actions/{name}", handler)
    for name, handler in (
        ("poweron", _power_on),
        ("poweroff", _power_off),
        ("shutdown", _shutdown),
        ("reboot", _reboot),
        ("reset", _reset),
        ("change_type", _change_type),
        ("rebuild", _rebuild),
        ("change_protection", _change_protection),
        ("enable_backup", _enable_backup),
        ("disable_backup", _disable_backup),
        ("change_dns_ptr", _change_dns_ptr),
        ("add_to_placement_group", _add_to_group),
        ("remove_from_placement_group", _remove_from_group),
    )
)
