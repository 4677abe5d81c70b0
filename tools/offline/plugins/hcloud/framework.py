"""Resources that the official plugin has from Terraform's plugin framework: planned, told and failed as that does.

It tells a value that is not given from an empty one, and plans a computed value anew with any change unless told to keep it.
"""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from tools.offline.plugins.check import DEFAULTS, check
from tools.offline.plugins.hcloud.api import Api, ApiError
from tools.offline.plugins.hcloud.labels import label_failures
from tools.offline.plugins.resource import Change, Checked, Difference, Failure, Found, PluginError, name_of
from tools.offline.plugins.schema import Property, Schema
from tools.offline.plugins.state import inputs_after_read, plain
from tools.offline.plugins.values import UNKNOWN, Properties, Secret, is_known, reveal


class FrameworkResource(ABC):
    """All of a Resource but what is asked of the API."""

    schema: ClassVar[Schema]
    volatile: ClassVar[frozenset[str]] = frozenset()
    """Computed properties that count as changed whenever another one is, unless the program gives them."""
    secret: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, api: Api) -> None:
        self._api = api

    @abstractmethod
    def _make(self, plan: Properties) -> Properties:
        """Make the resource; return its state."""

    @abstractmethod
    def _find(self, identifier: str, before: Properties) -> Properties | None:
        """Return the state as it is now, None when the resource is gone; `before` is empty at an import."""

    @abstractmethod
    def _change(self, identifier: str, old: Properties, plan: Properties) -> Properties:
        """Change the resource in place; return its new state."""

    @abstractmethod
    def _remove(self, identifier: str, state: Properties) -> None:
        """Remove the resource; one that is gone already is no error."""

    def _faults(self, name: str, inputs: Properties) -> Iterator[Failure]:
        """Return what is wrong with inputs beyond the schema."""
        return label_failures(name, inputs)

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        name, news = name_of(urn), reveal(inputs)
        checked = check(self.schema, name, news, reveal(olds), proposed_name)
        faults = [*checked.failures, *_wrong_bools(self.schema, news, name), *self._faults(name, checked.inputs)]
        return Checked(self._guarded(plain(checked.inputs)), faults)

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        old = reveal(state)
        plan = self._plan(old, reveal(inputs))
        changes = {
            name: Change("UPDATE" if name in old else "ADD", known.replaces)
            for name, known in self.schema.items()
            if not same(known, old.get(name), plan[name])
        }
        return Difference(changes)

    def create(self, _urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        plan = self._plan({}, reveal(inputs))
        if preview:
            return "", self._guarded({name: value for name, value in plan.items() if value is not None})
        with telling():
            # As with the official plugin what was made is lost to the state when a later step fails.
            state = self._make({name: None if value is UNKNOWN else value for name, value in plan.items()})
        return state["id"], self._guarded(state)

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        with telling():
            found = self._find(identifier, reveal(state))
        if found is None:
            return None
        after = inputs_after_read(self.schema, reveal(inputs), found)
        told = {name: value for name, value in after.items() if name != DEFAULTS and value not in (None, {})}
        return Found(found["id"], self._guarded(found), self._guarded(told))

    def update(self, _urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource."""
        old = reveal(state)
        plan = self._plan(old, reveal(inputs))
        if preview:
            return self._guarded({name: value for name, value in plan.items() if value is not None} | {"id": identifier})
        with telling():
            # What is not known is not asked for: the API decides.
            plan = {name: old.get(name) if value is UNKNOWN else value for name, value in plan.items()}
            return self._guarded(self._change(identifier, old, plan))

    def delete(self, _urn: str, identifier: str, state: Properties) -> None:
        """See Resource."""
        with telling():
            self._remove(identifier, reveal(state))

    def _plan(self, old: Properties, inputs: Properties) -> Properties:
        plan = {name: _planned(known, old, name, inputs.get(name)) for name, known in self.schema.items()}
        if any(not same(known, old.get(name), plan[name]) for name, known in self.schema.items()):
            plan |= {name: UNKNOWN for name in self.volatile if inputs.get(name) is None}
        return plan

    def _guarded(self, properties: Properties) -> Properties:
        """Return properties with the secret ones marked."""
        marked = {name: Secret(properties[name]) for name in self.secret if isinstance(properties.get(name), str)}
        return {**properties, **marked}


def same(known: Property, old: Any, new: Any) -> bool:
    """Return whether two values are the same; one that is not given is not the same as an empty one."""
    return is_known(new) and _spelled(known, old) == _spelled(known, new)


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Tell errors as the official plugin's framework resources do."""
    try:
        yield
    except ApiError as error:
        raise PluginError(_told(error)) from error


def _told(error: ApiError) -> str:
    if error.command:
        return (
            f"Action failed: An API action for the resource failed.\n\n{error}\n\n"
            f"Error code: {error.code}\nCommand: {error.command}"
        )
    if error.code == "invalid_input":
        fields = "".join(
            f"\nField: {name}\nMessages:\n" + "".join(f" - {message}\n" for message in messages)
            for name, messages in error.fields.items()
        )
        return (
            "Invalid field in API request: An invalid field was encountered during an API request. "
            f"The field might not map 1:1 to your terraform resource.\n\n{error}\n{fields}Error code: {error.code}\n"
        )
    code = f"\n\nError code: {error.code}\n" if error.code else "\n"
    return f"API request failed: An unexpected error was encountered during an API request.\n\n{error}{code}"


def _planned(known: Property, old: Properties, name: str, value: Any) -> Any:
    if value is None and known.default is None:
        if not (known.computed or known.output):
            return None
        # A resource that does not exist yet has computed values only when it is made.
        return old.get(name) if old else UNKNOWN
    return _filled(known, known.default if value is None else value)


def _filled(known: Property, value: Any) -> Any:
    """Return a value with the defaults within it, and without what is not given."""
    if known.kind == "object" and isinstance(value, dict):
        fields = {name: value.get(name) if value.get(name) is not None else field.default for name, field in _of(known).items()}
        return {name: item for name, item in fields.items() if item is not None}
    if known.item and isinstance(value, list):
        return [_filled(known.item, item) for item in value]
    return value


def _spelled(known: Property, value: Any) -> Any:
    filled = _filled(known, value)
    if known.kind == "set" and isinstance(filled, list):
        return sorted(filled, key=lambda item: json.dumps(item, sort_keys=True))
    return filled


def _of(known: Property) -> Schema:
    return known.fields or {}


def _wrong_bools(schema: Schema, inputs: Properties, where: str) -> Iterator[Failure]:
    """Return the switches that are not booleans: other than the plugin SDK the framework takes no text for them."""
    for name, known in schema.items():
        value = inputs.get(name)
        if known.kind == "bool" and isinstance(value, str):
            yield Failure(f"Expected a Boolean. Examine values at '{where}.{name}'.")
        elif known.kind == "object" and isinstance(value, dict):
            yield from _wrong_bools(_of(known), value, f"{where}.{name}")
