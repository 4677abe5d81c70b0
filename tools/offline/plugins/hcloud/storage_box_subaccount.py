"""Sub-accounts of Storage Boxes: logins that see one folder only."""

from __future__ import annotations

from typing import Any

from tools.offline.plugins.hcloud.framework import FrameworkResource
from tools.offline.plugins.hcloud.legacy import TRIES
from tools.offline.plugins.hcloud.requests import changed_fields, delete_quietly, given
from tools.offline.plugins.hcloud.storage_box import from_api, to_api
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties

_OFF = Property(kind="bool", default=False)
_ACCESS = {
    "reachableExternally": "reachable_externally",
    "sambaEnabled": "samba_enabled",
    "sshEnabled": "ssh_enabled",
    "webdavEnabled": "webdav_enabled",
    "readonly": "readonly",
}
SCHEMA = {
    "storageBoxId": Property(kind="int", required=True, replaces=True),
    "name": Property(named=True, computed=True),
    "description": Property(default=""),
    "homeDirectory": Property(required=True),
    "password": Property(required=True),
    "accessSettings": Property(kind="object", fields=dict.fromkeys(_ACCESS, _OFF), default={}),
    "labels": Property(kind="map", default={}),
    "username": Property(output=True),
    "server": Property(output=True),
}
_IMPORT_ID = "$STORAGE_BOX_ID/$SUBACCOUNT_ID"


class StorageBoxSubaccount(FrameworkResource):
    """`hcloud:index/storageBoxSubaccount:StorageBoxSubaccount`."""

    schema = SCHEMA
    volatile = frozenset({"name"})
    secret = frozenset({"password"})

    def _make(self, plan: Properties) -> Properties:
        path = f"/storage_boxes/{plan['storageBoxId']}/subaccounts"
        body = {
            "home_directory": plan["homeDirectory"],
            "password": plan["password"],
            "access_settings": to_api(_ACCESS, plan["accessSettings"]),
            **given(plan, name="name", description="description", labels="labels"),
        }
        answer: Properties = {}
        # A box makes one sub-account at a time.
        self._api.persist(
            lambda: answer.update(self._api.ask("POST", path, body)), 2 * TRIES, stop=lambda error: error.code != "locked"
        )
        self._api.settle(answer["action"])
        return _state(self._api.ask("GET", f"{path}/{answer['subaccount']['id']}")["subaccount"], plan)

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        box, separator, number = identifier.partition("/")
        if before:
            box, number = before["storageBoxId"], identifier
        elif not (separator and box.isdecimal() and number.isdecimal()):
            reason = f"Received an invalid import ID, expected '{_IMPORT_ID}' but received '{identifier}'."
            raise PluginError(f"Invalid import ID: {reason}")
        found = self._api.find(f"/storage_boxes/{box}/subaccounts/{number}", "subaccount")
        return None if found is None else _state(found, before)

    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        path = f"/storage_boxes/{old['storageBoxId']}/subaccounts/{identifier}"
        actions: list[tuple[str, str, Any]] = [
            ("homeDirectory", "change_home_directory", {"home_directory": plan["homeDirectory"]}),
            ("password", "reset_subaccount_password", {"password": plan["password"]}),
            ("accessSettings", "update_access_settings", to_api(_ACCESS, plan["accessSettings"])),
        ]
        for name, action, body in actions:
            if plan[name] != old.get(name):
                self._api.act(f"{path}/actions/{action}", body)
        changes = changed_fields(old, plan, name="name", description="description", labels="labels")
        return _state(self._api.ask("PUT", path, changes)["subaccount"], plan)

    def _remove(self, identifier: str, state: Properties) -> None:
        delete_quietly(self._api, f"/storage_boxes/{state['storageBoxId']}/subaccounts/{identifier}")


def _state(account: Properties, before: Properties) -> Properties:
    return {
        "id": str(account["id"]),
        "name": account["name"],
        "description": account["description"],
        "homeDirectory": account["home_directory"],
        "username": account["username"],
        "server": account["server"],
        "storageBoxId": account["storage_box"],
        "labels": account["labels"],
        "accessSettings": from_api(_ACCESS, account["access_settings"]),
        # The API does not tell it.
        **({"password": before["password"]} if before.get("password") is not None else {}),
    }
