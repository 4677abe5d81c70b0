"""`/placement_groups`: servers that should not share a host."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tools.emulation.api.errors import ApiError
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import PlacementGroup, Server
from tools.emulation.api.state import State
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created, no_content, ok, update


class _Create(Body):
    name: str
    type: Literal["spread"]
    labels: Labels = Field(default_factory=dict)


def show(group: PlacementGroup) -> dict[str, Any]:
    """Return a group as the API shows it."""
    return {
        "id": group.id,
        "name": group.name,
        "type": group.type,
        "labels": group.labels,
        "servers": group.servers,
        "created": group.created.isoformat(),
    }


def of(state: State, server: Server) -> PlacementGroup | None:
    """Return the group of a server."""
    return next((group for group in state.placement_groups if server.id in group.servers), None)


def _create(call: Call) -> Answer:
    wanted, state = call.body(_Create), call.state
    group = PlacementGroup(id=state.new_id(), name=wanted.name, labels=wanted.labels, type=wanted.type)
    return created(placement_group=show(state.placement_groups.add(group)), action=None)


def _list(call: Call) -> Answer:
    return listing(call, "placement_groups", map(show, call.state.placement_groups), fields=("name", "type"))


def _get(call: Call) -> Answer:
    return ok(placement_group=show(call.state.placement_groups.get(call.id())))


def _update(call: Call) -> Answer:
    return ok(placement_group=show(update(call, call.state.placement_groups)))


def _delete(call: Call) -> Answer:
    group = call.state.placement_groups.get(call.id())
    if group.servers:
        raise ApiError("resource_in_use", f"placement_group {group.id} still has servers")
    call.state.placement_groups.remove(group.id)
    return no_content()


OPERATIONS: Operations = (
    Operation("POST", "/placement_groups", _create),
    Operation("GET", "/placement_groups", _list),
    Operation("GET", "/placement_groups/{id}", _get),
    Operation("PUT", "/placement_groups/{id}", _update),
    Operation("DELETE", "/placement_groups/{id}", _delete),
)
