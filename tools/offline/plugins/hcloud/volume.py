"""Volumes: block storage that outlives its server."""

from __future__ import annotations

from tools.offline.plugins.hcloud.api import ApiError
from tools.offline.plugins.hcloud.legacy import TRIES, LegacyResource
from tools.offline.plugins.hcloud.requests import delete_quietly, given
from tools.offline.plugins.schema import STRING, Property
from tools.offline.plugins.values import Properties

SCHEMA = {
    "name": Property(required=True, named=True),
    "size": Property(kind="int", required=True),
    "location": Property(replaces=True, computed=True),
    "serverId": Property(kind="int", computed=True),
    "labels": Property(kind="map"),
    "automount": Property(kind="bool"),
    "format": STRING,
    "deleteProtection": Property(kind="bool", default=False),
    "linuxDevice": Property(output=True),
}


class Volume(LegacyResource):
    """`hcloud:index/volume:Volume`."""

    schema = SCHEMA

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        names = ("name", "size", "location", "labels", "automount", "format")
        answer = self._api.ask("POST", "/volumes", given(wanted, server="serverId", **dict(zip(names, names, strict=True))))
        return str(answer["volume"]["id"]), answer

    def _complete(self, identifier: str, wanted: Properties, answer: Properties) -> None:
        self._api.settle(answer.get("action"), *answer.get("next_actions", ()))
        if wanted.get("deleteProtection"):
            self._api.act(f"/volumes/{identifier}/actions/change_protection", {"delete": True})

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        volume = self._api.find(f"/volumes/{identifier}", "volume")
        if volume is None:
            return None
        return {
            **{name: before.get(name) for name in ("automount", "format")},
            "id": identifier,
            "name": volume["name"],
            "size": volume["size"],
            "location": volume["location"]["name"],
            "labels": volume["labels"],
            "linuxDevice": volume["linux_device"],
            "deleteProtection": volume["protection"]["delete"],
            # As with the official plugin a server that is gone is not noticed.
            "serverId": volume["server"] or before.get("serverId"),
        }

    def _change(self, identifier: str, _old: Properties, new: Properties, changed: set[str]) -> None:
        path = f"/volumes/{identifier}"
        volume = self._api.ask("GET", path)["volume"]
        if "name" in changed:
            self._api.ask("PUT", path, {"name": new["name"]})
        if "serverId" in changed:
            self._move(path, new, attached=volume["server"] is not None)
        if "size" in changed:
            self._api.act(f"{path}/actions/resize", {"size": new["size"]})
        if "labels" in changed:
            self._api.ask("PUT", path, {"labels": new["labels"] or {}})
        if "deleteProtection" in changed:
            self._api.act(f"{path}/actions/change_protection", {"delete": bool(new["deleteProtection"])})

    def _move(self, path: str, new: Properties, *, attached: bool) -> None:
        if attached or not new["serverId"]:
            self._persist(f"{path}/actions/detach", {})
        if new["serverId"]:
            self._persist(f"{path}/actions/attach", given(new, server="serverId", automount="automount"))

    def _remove(self, identifier: str, _state: Properties) -> None:
        path = f"/volumes/{identifier}"
        volume = self._api.find(path, "volume")
        if volume is None:
            return
        if volume["server"] is not None:
            self._persist(f"{path}/actions/detach", {})
        self._api.persist(lambda: delete_quietly(self._api, path), TRIES)

    def _persist(self, path: str, body: Properties) -> None:
        def act() -> None:
            try:
                self._api.act(path, body)
            except ApiError as error:
                if error.code != "not_found":
                    raise

        self._api.persist(act, TRIES)
