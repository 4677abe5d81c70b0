"""`/storage_boxes/{id}/subaccounts`: logins to one folder of a Storage Box."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tools.emulation.api.actions import show_action
from tools.emulation.api.box_access import KIND, Password, ResetPassword, SubaccountAccess, access_of, host_of, serve
from tools.emulation.api.errors import ApiError, locked, not_found, not_unique
from tools.emulation.api.labels import Labels
from tools.emulation.api.listing import listing
from tools.emulation.api.model import Box, Subaccount
from tools.emulation.api.storage_boxes import ready
from tools.emulation.api.web import Answer, Body, Call, Operation, Operations, created, ok

_LIMIT = 100
Home = Annotated[str, Field(min_length=1, max_length=999, pattern=r"^[a-zA-Z0-9 ./_-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=50)]
Description = Annotated[str, Field(max_length=1000)]


class _Create(Body):
    home_directory: Home
    password: Password
    name: Name | None = None
    description: Description = ""
    access_settings: SubaccountAccess = SubaccountAccess()
    labels: Labels = Field(default_factory=dict)


class _Update(Body):
    name: Name | None = None
    description: Description | None = None
    labels: Labels | None = None


class _ChangeHome(Body):
    home_directory: Home


def show(box: Box, account: Subaccount) -> dict[str, Any]:
    """Return a sub-account as the API shows it."""
    return {
        "id": account.id,
        "name": account.name,
        "username": account.username,
        "home_directory": account.home_directory,
        "server": host_of(account.username),
        "access_settings": account.access,
        "description": account.description,
        "labels": account.labels,
        "created": account.created.isoformat(),
        "storage_box": box.id,
    }


def _both(call: Call) -> tuple[Box, Subaccount]:
    box, key = ready(call.state, call.id()), call.id("subaccount_id")
    if key not in box.subaccounts:
        raise not_found("storage_box_subaccount", key)
    return box, box.subaccounts[key]


def _create(call: Call) -> Answer:
    state, box, wanted = call.state, ready(call.state, call.id()), call.body(_Create)
    if box.creating:
        raise locked(KIND, box.id)
    if len(box.subaccounts) >= _LIMIT:
        limits = {"limits": [{"name": "subaccounts_limit"}]}
        raise ApiError("resource_limit_exceeded", f"{KIND} {box.id} has {_LIMIT} subaccounts already", limits)
    # Numbers are never reused.
    username = f"{box.username}-sub{box.last_subaccount + 1}"
    account = Subaccount(
        id=state.new_id(),
        name=wanted.name or username,
        username=username,
        labels=wanted.labels,
        home_directory=wanted.home_directory,
        password=wanted.password,
        description=wanted.description,
        access=access_of(wanted.access_settings),
    )
    _check_name(box, account, account.name)
    box.last_subaccount += 1
    box.subaccounts[account.id] = account
    box.creating = True

    def then(_: bool) -> None:
        box.creating = False

    action = serve(state, box, "create_subaccount", then)
    return created(subaccount={"id": account.id, "storage_box": box.id}, action=show_action(action))


def _check_name(box: Box, account: Subaccount, name: str) -> None:
    if any(other.name == name and other is not account for other in box.subaccounts.values()):
        raise not_unique("storage_box_subaccount", "name")


def _list(call: Call) -> Answer:
    box = call.state.boxes.get(call.id())
    accounts = [show(box, account) for account in box.subaccounts.values()]
    return listing(call, "subaccounts", accounts, fields=("name", "username"), paged=False)


def _get(call: Call) -> Answer:
    return ok(subaccount=show(*_both(call)))


def _update(call: Call) -> Answer:
    (box, account), wanted = _both(call), call.body(_Update)
    if wanted.name is not None:
        _check_name(box, account, wanted.name)
        account.name = wanted.name
    if wanted.description is not None:
        account.description = wanted.description
    if wanted.labels is not None:
        account.labels = wanted.labels
    return ok(subaccount=show(box, account))


def _delete(call: Call) -> Answer:
    box, account = _both(call)
    del box.subaccounts[account.id]
    return created(action=show_action(serve(call.state, box, "delete_subaccount")))


def _change_home(call: Call) -> Answer:
    (box, account), wanted = _both(call), call.body(_ChangeHome)
    account.home_directory = wanted.home_directory
    return created(action=show_action(serve(call.state, box, "change_home_directory")))


def _reset_password(call: Call) -> Answer:
    (box, account), wanted = _both(call), call.body(ResetPassword)
    account.password = wanted.password
    return created(action=show_action(serve(call.state, box, "reset_subaccount_password")))


def _update_access(call: Call) -> Answer:
    (box, account), wanted = _both(call), call.body(SubaccountAccess)
    account.access = access_of(wanted, account.access)
    return created(action=show_action(serve(call.state, box, "update_access_settings")))


_ALL = "/storage_boxes/{id}/subaccounts"
_ONE = _ALL + "/{subaccount_id}"

OPERATIONS: Operations = (
    Operation("POST", _ALL, _create),
    Operation("GET", _ALL, _list),
    Operation("GET", _ONE, _get),
    Operation("PUT", _ONE, _update),
    Operation("DELETE", _ONE, _delete),
    Operation("POST", _ONE + "/actions/change_home_directory", _change_home),
    Operation("POST", _ONE + "/actions/reset_subaccount_password", _reset_password),
    Operation("POST", _ONE + "/actions/update_access_settings", _update_access),
)
