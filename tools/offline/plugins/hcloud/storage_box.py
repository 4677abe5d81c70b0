"""Storage Boxes: file storage that backups go to."""

from __future__ import annotations

from typing import Any

from tools.offline.plugins.hcloud.api import Api, ApiError
from tools.offline.plugins.hcloud.framework import FrameworkResource
from tools.offline.plugins.hcloud.requests import changed_fields, delete_quietly
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.schema import STRING, Property
from tools.offline.plugins.values import Properties

_OFF = Property(kind="bool", default=False)
_ACCESS = {
    "reachableExternally": "reachable_externally",
    "sambaEnabled": "samba_enabled",
    "sshEnabled": "ssh_enabled",
    "webdavEnabled": "webdav_enabled",
    "zfsEnabled": "zfs_enabled",
}
_PLAN = {
    "maxSnapshots": "max_snapshots",
    "minute": "minute",
    "hour": "hour",
    "dayOfWeek": "day_of_week",
    "dayOfMonth": "day_of_month",
}
_REQUIRED_INT = Property(kind="int", required=True)
SCHEMA = {
    "name": Property(required=True, named=True),
    "storageBoxType": Property(required=True),
    "location": Property(required=True, replaces=True),
    "password": Property(required=True),
    "labels": Property(kind="map", default={}),
    "sshKeys": Property(kind="set", item=STRING, replaces=True, default=[]),
    "accessSettings": Property(kind="object", fields=dict.fromkeys(_ACCESS, _OFF), default={}),
    "snapshotPlan": Property(
        kind="object",
        fields={
            "maxSnapshots": _REQUIRED_INT,
            "minute": _REQUIRED_INT,
            "hour": _REQUIRED_INT,
            "dayOfWeek": Property(kind="int"),
            "dayOfMonth": Property(kind="int"),
        },
    ),
    "deleteProtection": Property(kind="bool", default=False),
    "username": Property(output=True),
    "server": Property(output=True),
    "system": Property(output=True),
}
# Sunday is 0 in the plugin, 7 in the API.
_SUNDAY = 7


class StorageBox(FrameworkResource):
    """`hcloud:index/storageBox:StorageBox`."""

    schema = SCHEMA
    secret = frozenset({"password"})

    def _make(self, plan: Properties) -> Properties:
        body = {
            "name": plan["name"],
            "storage_box_type": plan["storageBoxType"],
            "location": plan["location"],
            "labels": plan["labels"],
            "password": plan["password"],
            "access_settings": to_api(_ACCESS, plan["accessSettings"]),
            **({"ssh_keys": plan["sshKeys"]} if plan["sshKeys"] else {}),
        }
        answer = self._api.ask("POST", "/storage_boxes", body)
        self._api.settle(answer["action"])
        actions = f"/storage_boxes/{answer['storage_box']['id']}/actions"
        self._api.act(f"{actions}/change_protection", {"delete": plan["deleteProtection"]})
        if plan["snapshotPlan"] is not None:
            self._api.act(f"{actions}/enable_snapshot_plan", _plan_to_api(plan["snapshotPlan"]))
        return _state(self._api.ask("GET", actions.removesuffix("/actions"))["storage_box"], plan)

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        number = identifier if before or identifier.isdecimal() else _number_of(self._api, identifier)
        found = self._api.find(f"/storage_boxes/{number}", "storage_box")
        # An import cannot know the keys; the official plugin takes it that there are none.
        return None if found is None else _state(found, before or {"sshKeys": []})

    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        path = f"/storage_boxes/{identifier}"
        if plan["deleteProtection"] != old.get("deleteProtection"):
            self._api.act(f"{path}/actions/change_protection", {"delete": plan["deleteProtection"]})
        if plan["snapshotPlan"] != old.get("snapshotPlan"):
            if plan["snapshotPlan"] is None:
                self._api.act(f"{path}/actions/disable_snapshot_plan")
            else:
                self._api.act(f"{path}/actions/enable_snapshot_plan", _plan_to_api(plan["snapshotPlan"]))
        if plan["storageBoxType"] != old.get("storageBoxType"):
            self._api.act(f"{path}/actions/change_type", {"storage_box_type": plan["storageBoxType"]})
        if plan["password"] != old.get("password"):
            self._api.act(f"{path}/actions/reset_password", {"password": plan["password"]})
        if plan["accessSettings"] != old.get("accessSettings"):
            self._api.act(f"{path}/actions/update_access_settings", to_api(_ACCESS, plan["accessSettings"]))
        body = changed_fields(old, plan, name="name", labels="labels")
        return _state(self._api.ask("PUT", path, body)["storage_box"], plan)

    def _remove(self, identifier: str, state: Properties) -> None:
        path = f"/storage_boxes/{identifier}"
        if state.get("deleteProtection"):
            try:
                self._api.act(f"{path}/actions/change_protection", {"delete": False})
            except ApiError as error:
                if error.code == "not_found":
                    return
                raise
        delete_quietly(self._api, path)


def to_api(names: dict[str, str], value: Properties) -> Properties:
    """Return an object as a request has it."""
    return {there: value.get(here) for here, there in names.items()}


def from_api(names: dict[str, str], value: Properties) -> Properties:
    """Return an object as a state has it: without what is not set."""
    return {here: value[there] for here, there in names.items() if value.get(there) is not None}


def _plan_to_api(plan: Properties) -> Properties:
    body = to_api(_PLAN, plan)
    return {**body, "day_of_week": _SUNDAY} if body["day_of_week"] == 0 else body


def _number_of(api: Api, name: str) -> Any:
    boxes = api.ask("GET", f"/storage_boxes?name={name}")["storage_boxes"]
    if not boxes:
        raise PluginError(f"Resource not found: Resource (storage box) was not found: name={name}")
    return boxes[0]["id"]


def _state(box: Properties, before: Properties) -> Properties:
    plan = box["snapshot_plan"]
    state = {
        "id": str(box["id"]),
        "name": box["name"],
        "username": box["username"],
        "storageBoxType": box["storage_box_type"]["name"],
        "location": box["location"]["name"],
        "accessSettings": from_api(_ACCESS, box["access_settings"]),
        "server": box["server"],
        "system": box["system"],
        "labels": box["labels"],
        "deleteProtection": box["protection"]["delete"],
        # The API tells neither.
        **{name: before[name] for name in ("password", "sshKeys") if before.get(name) is not None},
    }
    if plan is None:
        return state
    days = {"dayOfWeek": 0} if plan.get("day_of_week") == _SUNDAY else {}
    return {**state, "snapshotPlan": {**from_api(_PLAN, plan), **days}}
