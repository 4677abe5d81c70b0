"""SSH keys."""

from __future__ import annotations

from tools.offline.plugins.hcloud.framework import FrameworkResource
from tools.offline.plugins.hcloud.requests import changed_fields, delete_quietly
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties

SCHEMA = {
    "name": Property(required=True, named=True),
    "publicKey": Property(required=True, replaces=True),
    "labels": Property(kind="map", default={}),
    "fingerprint": Property(output=True),
}


class SshKey(FrameworkResource):
    """`hcloud:index/sshKey:SshKey`."""

    schema = SCHEMA

    def _make(self, plan: Properties) -> Properties:
        body = {"name": plan["name"], "public_key": plan["publicKey"], "labels": plan["labels"]}
        return _state(self._api.ask("POST", "/ssh_keys", body)["ssh_key"])

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        key = self._api.find(f"/ssh_keys/{identifier}", "ssh_key")
        return None if key is None else _state(key)

    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        body = changed_fields(old, plan, name="name", labels="labels")
        return _state(self._api.ask("PUT", f"/ssh_keys/{identifier}", body)["ssh_key"])

    def _remove(self, identifier: str, _state_before: Properties) -> None:
        delete_quietly(self._api, f"/ssh_keys/{identifier}")


def _state(key: Properties) -> Properties:
    return {
        "id": str(key["id"]),
        "name": key["name"],
        "publicKey": key["public_key"],
        "fingerprint": key["fingerprint"],
        "labels": key["labels"],
    }
