"""Which server a volume is attached to, as a resource of its own."""

from __future__ import annotations

from collections.abc import Iterator

from tools.offline.plugins.hcloud.legacy import TRIES, LegacyResource
from tools.offline.plugins.hcloud.requests import given
from tools.offline.plugins.resource import Failure, PluginError
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties

SCHEMA = {
    "volumeId": Property(kind="int", required=True, replaces=True),
    "serverId": Property(kind="int", required=True, replaces=True),
    "automount": Property(kind="bool", computed=True),
}


class VolumeAttachment(LegacyResource):
    """`hcloud:index/volumeAttachment:VolumeAttachment`."""

    schema = SCHEMA

    def _faults(self, _name: str, _inputs: Properties) -> Iterator[Failure]:
        return iter(())

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        path, body = f"/volumes/{wanted['volumeId']}/actions/attach", given(wanted, server="serverId", automount="automount")
        answer: Properties = {}
        self._api.persist(
            lambda: answer.update(self._api.ask("POST", path, body)), TRIES, stop=lambda error: error.code != "locked"
        )
        return str(wanted["volumeId"]), answer

    def _find(self, identifier: str, before: Properties) -> Properties | None:
        volume = self._api.find(f"/volumes/{identifier}", "volume")
        if volume is None or volume["server"] is None:
            return None
        if self._api.find(f"/servers/{before.get('serverId') or volume['server']}", "server") is None:
            return None
        attached = {"volumeId": volume["id"], "serverId": volume["server"]}
        return {"id": identifier, **attached, "automount": before.get("automount")}

    def _change(self, _identifier: str, _old: Properties, _new: Properties, _changed: set[str]) -> None:
        raise PluginError("doesn't support update")

    def _remove(self, identifier: str, _state: Properties) -> None:
        volume = self._api.find(f"/volumes/{identifier}", "volume")
        if volume is None or volume["server"] is None:
            return
        path, answer = f"/volumes/{identifier}/actions/detach", Properties()
        self._api.persist(
            lambda: answer.update(self._api.ask("POST", path, {})), TRIES, stop=lambda error: error.code != "locked"
        )
        self._api.settle(answer["action"])
