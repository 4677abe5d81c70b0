"""Volumes: nothing of them can be changed in place."""

from __future__ import annotations

from offline.plugins.check import check
from offline.plugins.diff import diff
from offline.plugins.docker.engine import DockerEngine, labels_from_api, labels_to_api
from offline.plugins.docker.network import LABELS, has_fixed_name
from offline.plugins.docker.removal import remove_when_free
from offline.plugins.resource import Checked, Difference, Found, name_of
from offline.plugins.schema import Property
from offline.plugins.state import inputs_after_read, plain, planned, preview_state
from offline.plugins.values import Properties

SCHEMA = {
    "name": Property(named=True, replaces=True, computed=True),
    "driver": Property(replaces=True, computed=True),
    "driverOpts": Property(kind="map", replaces=True),
    "labels": LABELS,
    "cluster": Property(covered=False),
    "mountpoint": Property(output=True),
}


class Volume:
    """`docker:index/volume:Volume`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        return check(SCHEMA, name_of(urn), inputs, olds, proposed_name)

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        return diff(SCHEMA, state, inputs, delete_first=has_fixed_name(inputs))

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

    def read(self, identifier: str, _state_before: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        volume = self._engine.find("Unable to inspect volume", lambda api: api.inspect_volume(identifier))
        if volume is None:
            return None
        found = _state(volume)
        return Found(identifier, found, inputs_after_read(SCHEMA, inputs, found))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:  # noqa: ARG002
        """See Resource."""
        return planned(SCHEMA, state, inputs) | {"id": identifier}

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
