"""Volumes."""

from __future__ import annotations

from tools.offline.plugins.docker.engine import labels_from_api, labels_to_api
from tools.offline.plugins.docker.immutable import Immutable
from tools.offline.plugins.docker.network import LABELS
from tools.offline.plugins.docker.removal import remove_when_free
from tools.offline.plugins.schema import Property
from tools.offline.plugins.state import plain, preview_state
from tools.offline.plugins.values import Properties

SCHEMA = {
    "name": Property(named=True, replaces=True, computed=True),
    "driver": Property(replaces=True, computed=True),
    "driverOpts": Property(kind="map", replaces=True),
    "labels": LABELS,
    "cluster": Property(covered=False),
    "mountpoint": Property(output=True),
}


class Volume(Immutable):
    """`docker:index/volume:Volume`."""

    schema = SCHEMA

    def create(self, _urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        if preview:
            return "", preview_state(SCHEMA, inputs)
        wanted = plain(inputs)
        made = self._engine.do(
            "Unable to create volume",
            lambda api: api.create_volume(
                name=wanted.get("name"),
                driver=wanted.get("driver"),
                driver_opts=wanted.get("driverOpts"),
                labels=labels_to_api(wanted.get("labels") or []),
            ),
        )
        return made["Name"], _state(made)

    def _find(self, identifier: str) -> Properties | None:
        volume = self._engine.find("Unable to inspect volume", lambda api: api.inspect_volume(identifier))
        return None if volume is None else _state(volume)

    def delete(self, _urn: str, identifier: str, _state_before: Properties) -> None:
        """See Resource."""
        remove_when_free(
            self._engine,
            f"Unable to remove volume {identifier}",
            "volume is in use",
            lambda api: api.remove_volume(identifier, force=True),
        )


def _state(volume: Properties) -> Properties:
    return {
        "id": volume["Name"],
        "name": volume["Name"],
        "driver": volume["Driver"],
        "driverOpts": volume["Options"],
        "labels": labels_from_api(volume["Labels"] or {}),
        "mountpoint": volume["Mountpoint"],
    }
