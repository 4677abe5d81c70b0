"""`/actions`, and the same below each kind of resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.emulation.api.errors import ApiError, not_found
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Action
from tools.emulation.api.web import Answer, Call, Operation, Operations, ok

_REMOVED = "https://docs.hetzner.cloud/changelog#2025-01-30-listing-arbitrary-actions-in-the-actions-list-endpoint-is-removed"


def show_action(action: Action) -> dict[str, Any]:
    """Return an action as the API shows it."""
    return {
        "id": action.id,
        "command": action.command,
        "status": action.status,
        "progress": 0 if action.status == "running" else 100,
        "started": action.started.isoformat(),
        "finished": action.finished.isoformat() if action.finished else None,
        "resources": [{"id": key, "type": kind} for kind, key in action.resources],
        "error": {"code": "action_failed", "message": action.error} if action.status == "error" else None,
    }


def for_kind(path: str, kind: str, *, key: str = "id", find: Callable[[Call], int] = Call.id) -> Operations:
    """Return the operations below one kind of resource.

    Args:
        path: The path of the kind.
        kind: Its name in actions.
        key: The path parameter that identifies a resource.
        find: Returns the id of the resource that a path names.
    """

    def is_of_kind(action: Action) -> bool:
        return any(name == kind for name, _ in action.resources)

    def is_of_one(call: Call) -> Callable[[Action], bool]:
        resource = (kind, find(call))
        return lambda action: resource in action.resources

    return (
        Operation("GET", f"{path}/actions", lambda call: _list(call, is_of_kind)),
        Operation("GET", f"{path}/actions/{{id}}", lambda call: _one(call, "id", is_of_kind)),
        Operation("GET", f"{path}/{{{key}}}/actions", lambda call: _list(call, is_of_one(call))),
        Operation("GET", f"{path}/{{{key}}}/actions/{{action_id}}", lambda call: _one(call, "action_id", is_of_one(call))),
    )


def _list(call: Call, wanted: Callable[[Action], bool], *, paged: bool = True) -> Answer:
    found = [show_action(action) for action in call.state.actions.values() if wanted(action)]
    return listing(call, "actions", found, fields=("id", "status"), paged=paged)


def _one(call: Call, name: str, wanted: Callable[[Action], bool]) -> Answer:
    action = call.state.actions.get(call.id(name))
    if action is None or not wanted(action):
        raise not_found("action", call.id(name))
    return ok(action=show_action(action))


def _every(call: Call) -> Answer:
    if not call.query.getlist("id"):
        raise ApiError("deprecated_api_endpoint", "actions can only be asked for by their ids", {"announcement": _REMOVED})
    return _list(call, lambda _: True, paged=False)


def _any(call: Call) -> Answer:
    return _one(call, "id", lambda _: True)


OPERATIONS: Operations = (Operation("GET", "/actions", _every), Operation("GET", "/actions/{id}", _any))
