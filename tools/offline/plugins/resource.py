"""What a stand-in's resource has to answer, and the values it answers with; knows nothing of gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tools.offline.plugins.values import Properties

Kind = Literal["ADD", "DELETE", "UPDATE"]


class PluginError(Exception):
    """An operation failed; the engine shows the message as it is."""


class InitFailedError(PluginError):
    """The resource was made but is not as it should be: the engine keeps it in its state, marked as failed."""

    def __init__(self, message: str, identifier: str, state: Properties) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.state = state


@dataclass(frozen=True)
class Failure:
    """One fault of a resource's inputs; `property` may be empty when the reason names it."""

    reason: str
    property: str = ""


@dataclass(frozen=True)
class Checked:
    """Inputs with their defaults, and what is wrong with them."""

    inputs: Properties
    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class Change:
    """How one property differs, and whether that replaces the resource."""

    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Difference:
    """All changes by property path, and whether a replacement deletes the old resource before it creates the new one."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    delete_first: bool = False


@dataclass(frozen=True)
class Found:
    """What reading gave: the state, and the inputs that would lead to it."""

    identifier: str
    state: Properties
    inputs: Properties


class Resource(Protocol):
    """One resource type. Every method may raise PluginError; `urn` is the engine's name for the resource."""

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """Validate inputs and fill in defaults.

        Args:
            urn: Ends with the resource's name in the program, for messages.
            inputs: As the program gives them.
            olds: The checked inputs of the last deployment; empty for a new resource.
            proposed_name: The physical name to take when the program gives none; empty when there must be none.
        """

    def diff(self, state: Properties, old_inputs: Properties, inputs: Properties) -> Difference:
        """Compare checked inputs with the last state and the inputs that led to it."""

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make the resource; return its id and state. A preview makes nothing, and its id counts for nothing."""

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """Return the resource as it is now, None when it is gone. State and inputs are empty at an import."""

    def update(self, urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """Change the resource in place; return its new state."""

    def delete(self, urn: str, identifier: str, state: Properties) -> None:
        """Remove the resource; one that is gone already is no error."""


def name_of(urn: str) -> str:
    """Return the name that the program gives a resource."""
    return urn.rsplit("::", 1)[-1]
