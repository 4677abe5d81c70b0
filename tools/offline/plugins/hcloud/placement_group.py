"""Placement groups: servers that must not share a host."""

from __future__ import annotations

from tools.offline.plugins.hcloud.legacy import LegacyResource
from tools.offline.plugins.hcloud.requests import given
from tools.offline.plugins.schema import Property
from tools.offline.plugins.values import Properties


def _known_type(value: str) -> str:
    return "" if value == "spread" else f"{value} is not a valid placement group type"


SCHEMA = {
    "name": Property(required=True, named=True),
    "type": Property(required=True, rule=_known_type),
    "labels": Property(kind="map"),
    "servers": Property(kind="set", item=Property(kind="int"), output=True),
}


class PlacementGroup(LegacyResource):
    """`hcloud:index/placementGroup:PlacementGroup`."""

    schema = SCHEMA

    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        answer = self._api.ask("POST", "/placement_groups", given(wanted, name="name", type="type", labels="labels"))
        return str(answer["placement_group"]["id"]), answer

    def _find(self, identifier: str, _before: Properties) -> Properties | None:
        group = self._api.find(f"/placement_groups/{identifier}", "placement_group")
        if group is None:
            return None
        return {"id": identifier, **{name: group[name] for name in SCHEMA}}

    def _change(self, identifier: str, _old: Properties, new: Properties, changed: set[str]) -> None:
        path = f"/placement_groups/{identifier}"
        self._api.ask("GET", path)
        for name in ("name", "labels"):
            if name in changed:
                self._api.ask("PUT", path, {name: new[name] or {}})

    def _remove(self, identifier: str, _state: Properties) -> None:
        self._api.ask("DELETE", f"/placement_groups/{identifier}")
