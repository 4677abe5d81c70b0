"""`/storage_boxes`: Storage Boxes without snapshots: a snapshot plan is stored and shown, but not carried out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tools.emulation.api.actions import for_kind, show_action
from tools.emulation.api.box_access import KIND, BoxAccess, Password, ResetPassword, access_of, host_of, lane_of, serve
from tools.emulation.api.catalog import BOX_TYPES, find, find_box_location
from tools.emulation.api.errors import invalid, locked, protected
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Box
from tools.emulation.api.state import State
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, Protection, created, ok, update


class _Create(Body):
    name: str
    storage_box_type: int | str
    location: int | str
    password: Password
    ssh_keys: list[str] = Field(default_factory=list)
    access_settings: BoxAccess = BoxAccess()
    labels: Labels = Field(default_factory=dict)


class _SnapshotPlan(Body):
    max_snapshots: Annotated[int, Field(ge=1)]
    minute: Annotated[int, Field(ge=0, le=59)]
    hour: Annotated[int, Field(ge=0, le=23)]
    # Monday is 1, unlike in the official plugin, where Sunday is 0.
    day_of_week: Annotated[int, Field(ge=1, le=7)] | None = None
    day_of_month: Annotated[int, Field(ge=1, le=31)] | None = None


class _ChangeType(Body):
    storage_box_type: int | str


def show(box: Box) -> dict[str, Any]:
    """Return a box as the API shows it."""
    return {
        "id": box.id,
        "name": box.name,
        "username": box.username if box.ready else None,
        "server": host_of(box.username) if box.ready else None,
        "system": f"{box.location.name.upper()}-BX1" if box.ready else None,
        "status": "active" if box.ready else "initializing",
        "storage_box_type": box.type.body(),
        "location": box.location.body(),
        "access_settings": box.access,
        "snapshot_plan": box.snapshot_plan,
        "stats": {"size": 0, "size_data": 0, "size_snapshots": 0},
        "labels": box.labels,
        "protection": {"delete": box.delete_protection},
        "created": box.created.isoformat(),
    }


def ready(state: State, key: int) -> Box:
    """Return a box that has been created.

    Raises:
        ApiError: There is none, or it is still being created.
    """
    box = state.boxes.get(key)
    if not box.ready:
        raise locked(KIND, box.id)
    return box


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    for key in wanted.ssh_keys:
        if len(key.split()) < 2:  # noqa: PLR2004 - kind and key
            raise invalid("ssh_keys", "are not public keys of OpenSSH")
    box = Box(
        id=state.new_id(),
        name=wanted.name,
        labels=wanted.labels,
        type=find(BOX_TYPES, wanted.storage_box_type, "storage_box_type"),
        location=find_box_location(wanted.location),
        password=wanted.password,
        ssh_keys=wanted.ssh_keys,
        access=access_of(wanted.access_settings),
    )
    state.boxes.add(box)

    def then(done: bool) -> None:
        box.ready = done

    action = serve(state, box, "create", then)
    return created(storage_box=show(box), action=show_action(action))


def _list(call: Call) -> Answer:
    return listing(call, "storage_boxes", map(show, call.state.boxes))


def _get(call: Call) -> Answer:
    return ok(storage_box=show(call.state.boxes.get(call.id())))


def _update(call: Call) -> Answer:
    return ok(storage_box=show(update(call, call.state.boxes)))


def _delete(call: Call) -> Answer:
    state, box = call.state, call.state.boxes.get(call.id())
    if box.delete_protection:
        raise protected(KIND, box.id, "delete")
    state.boxes.remove(box.id)
    action = state.begin("delete", [(KIND, box.id)], lane_of(box), lambda: state.machines.delete_box(box.id))
    return created(action=show_action(action))


def _change_protection(call: Call) -> Answer:
    box, wanted = ready(call.state, call.id()), call.body(Protection)
    box.delete_protection = wanted.applied_to(box.delete_protection)
    return created(action=show_action(call.state.done("change_protection", (KIND, box.id))))


def _change_type(call: Call) -> Answer:
    box, wanted = ready(call.state, call.id()), call.body(_ChangeType)
    box.type = find(BOX_TYPES, wanted.storage_box_type, "storage_box_type")
    return created(action=show_action(call.state.done("change_type", (KIND, box.id))))


def _reset_password(call: Call) -> Answer:
    box, wanted = ready(call.state, call.id()), call.body(ResetPassword)
    box.password = wanted.password
    return created(action=show_action(serve(call.state, box, "reset_password")))


def _update_access(call: Call) -> Answer:
    box, wanted = ready(call.state, call.id()), call.body(BoxAccess)
    box.access = access_of(wanted, box.access)
    return created(action=show_action(serve(call.state, box, "update_access_settings")))


def _enable_plan(call: Call) -> Answer:
    box, wanted = ready(call.state, call.id()), call.body(_SnapshotPlan)
    if wanted.max_snapshots > box.type.snapshots:
        raise invalid("max_snapshots", f"{box.type.name} has {box.type.snapshots} at most")
    box.snapshot_plan = wanted.model_dump()
    return created(action=show_action(call.state.done("enable_snapshot_plan", (KIND, box.id))))


def _disable_plan(call: Call) -> Answer:
    box = ready(call.state, call.id())
    box.snapshot_plan = None
    return created(action=show_action(call.state.done("disable_snapshot_plan", (KIND, box.id))))


OPERATIONS: Operations = (
    *for_kind("/storage_boxes", KIND),
    Operation("POST", "/storage_boxes", _create),
    Operation("GET", "/storage_boxes", _list),
    Operation("GET", "/storage_boxes/{id}", _get),
    Operation("PUT", "/storage_boxes/{id}", _update),
    Operation("DELETE", "/storage_boxes/{id}", _delete),
    Operation("POST", "/storage_boxes/{id}/actions/change_protection", _change_protection),
    Operation("POST", "/storage_boxes/{id}/actions/change_type", _change_type),
    Operation("POST", "/storage_boxes/{id}/actions/reset_password", _reset_password),
    Operation("POST", "/storage_boxes/{id}/actions/update_access_settings", _update_access),
    Operation("POST", "/storage_boxes/{id}/actions/enable_snapshot_plan", _enable_plan),
    Operation("POST", "/storage_boxes/{id}/actions/disable_snapshot_plan", _disable_plan),
)
