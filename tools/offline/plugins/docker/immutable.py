"""What networks and volumes have in common: nothing of them can be changed in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tools.offline.plugins.check import DEFAULTS, check
from tools.offline.plugins.diff import diff
from tools.offline.plugins.docker.engine import DockerEngine
from tools.offline.plugins.resource import Checked, Difference, Found, name_of
from tools.offline.plugins.schema import Schema
from tools.offline.plugins.state import inputs_after_read, planned
from tools.offline.plugins.values import Properties


class Immutable(ABC):
    """All of a Resource but `create` and `delete`."""

    schema: ClassVar[Schema]

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    @abstractmethod
    def _find(self, identifier: str) -> Properties | None:
        """Return the state as it is now, None when the resource is gone."""

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        return check(self.schema, name_of(urn), inputs, olds, proposed_name)

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        # When the program chose the physical name, the old one has to go before the new one can come.
        return diff(self.schema, state, inputs, delete_first="name" not in inputs.get(DEFAULTS, []))

    def read(self, identifier: str, _state: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        found = self._find(identifier)
        return None if found is None else Found(identifier, found, inputs_after_read(self.schema, inputs, found))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:  # noqa: ARG002
        """See Resource."""
        return planned(self.schema, state, inputs) | {"id": identifier}
