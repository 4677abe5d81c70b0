"""`/volumes`: block devices, present on a server's machine while attached."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.catalog import LOCATIONS, find
from tools.emulation.api.errors import ApiError, invalid, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Volume
from tools.emulation.api.server_work import serve_volumes, unlocked
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, Protection, created, no_content, ok, update

_KIND = "volume"
SizeGb = Annotated[int, Field(ge=10, le=10240)]


class _Create(Body):
    name: str
    size: SizeGb
    location: int | str | None = None
    server: int | None = None
    format: Literal["ext4", "xfs"] | None = None
    automount: bool = False
    labels: Labels = Field(default_factory=dict)


class _Attach(Body):
    server: int
    automount: bool = False


class _Resize(Body):
    size: SizeGb


def show(volume: Volume) -> dict[str, Any]:
    """Return a volume as the API shows it."""
    return {
        "id": volume.id,
        "name": volume.name,
        "size": volume.size_gb,
        "location": volume.location.body(),
        "server": volume.server,
        "format": volume.format,
        "linux_device": f"/dev/disk/by-id/scsi-0HC_Volume_{volume.id}",
        "status": "available",
        "labels": volume.labels,
        "protection": {"delete": volume.delete_protection},
        "created": volume.created.isoformat(),
    }


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    if (wanted.server is None) is (wanted.location is None):
        raise invalid("location", "either location or server is needed")
    if wanted.server is None:
        location = find(LOCATIONS, wanted.location or "", "location")
    else:
        location = unlocked(state, wanted.server).location
    if wanted.automount and not (wanted.server and wanted.format):
        raise invalid("automount", "needs a server and a format")
    volume = Volume(
        id=state.new_id(),
        name=wanted.name,
        labels=wanted.labels,
        size_gb=wanted.size,
        location=location,
        format=wanted.format,
        server=wanted.server,
    )
    state.volumes.add(volume)
    action = state.done("create_volume", (_KIND, volume.id))
    next_actions = []
    if wanted.server is not None:
        next_actions = [show_action(serve_volumes(state, state.servers.get(wanted.server), "attach_volume", volume))]
    return created(volume=show(volume), action=show_action(action), next_actions=next_actions)


def _list(call: Call) -> Answer:
    return listing(call, "volumes", map(show, call.state.volumes), fields=("name", "status"))


def _get(call: Call) -> Answer:
    return ok(volume=show(call.state.volumes.get(call.id())))


def _update(call: Call) -> Answer:
    return ok(volume=show(update(call, call.state.volumes)))


def _delete(call: Call) -> Answer:
    volume = call.state.volumes.get(call.id())
    if volume.delete_protection:
        raise protected(_KIND, volume.id, "delete")
    if volume.server is not None:
        raise ApiError("resource_in_use", f"{_KIND} {volume.id} is attached to server {volume.server}")
    state, key = call.state, volume.id
    state.volumes.remove(key)
    state.begin("delete_volume", [(_KIND, key)], f"{_KIND} {key}", lambda: state.machines.delete_volume(key))
    return no_content()


def _attach(call: Call) -> Answer:
    volume, wanted = call.state.volumes.get(call.id()), call.body(_Attach)
    if volume.server is not None:
        raise ApiError("volume_already_attached", f"{_KIND} {volume.id} is attached to server {volume.server}")
    server = unlocked(call.state, wanted.server)
    if server.location != volume.location:
        raise invalid("server", "must be in the location of the volume")
    volume.server = server.id
    return created(action=show_action(serve_volumes(call.state, server, "attach_volume", volume)))


def _detach(call: Call) -> Answer:
    volume = call.state.volumes.get(call.id())
    if volume.server is None:
        raise invalid("id", "is not attached")
    server = unlocked(call.state, volume.server)
    volume.server = None
    return created(action=show_action(serve_volumes(call.state, server, "detach_volume", volume)))


def _resize(call: Call) -> Answer:
    volume, wanted = call.state.volumes.get(call.id()), call.body(_Resize)
    if wanted.size <= volume.size_gb:
        raise invalid("size", f"must be more than {volume.size_gb}")
    server = None if volume.server is None else unlocked(call.state, volume.server)
    volume.size_gb = wanted.size
    if server is None:
        return created(action=show_action(call.state.done("resize_volume", (_KIND, volume.id))))
    return created(action=show_action(serve_volumes(call.state, server, "resize_volume", volume)))


def _change_protection(call: Call) -> Answer:
    volume, wanted = call.state.volumes.get(call.id()), call.body(Protection)
    volume.delete_protection = wanted.applied_to(volume.delete_protection)
    return created(action=show_action(call.state.done("change_protection", (_KIND, volume.id))))


OPERATIONS: Operations = (
    *for_kind("/volumes", _KIND),
    Operation("POST", "/volumes", _create),
    Operation("GET", "/volumes", _list),
    Operation("GET", "/volumes/{id}", _get),
    Operation("PUT", "/volumes/{id}", _update),
    Operation("DELETE", "/volumes/{id}", _delete),
    Operation("POST", "/volumes/{id}/actions/attach", _attach),
    Operation("POST", "/volumes/{id}/actions/detach", _detach),
    Operation("POST", "/volumes/{id}/actions/resize", _resize),
    Operation("POST", "/volumes/{id}/actions/change_protection", _change_protection),
)
