"""Resources that the official plugin has from Terraform's plugin SDK v2: planned, told and failed as that does."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from tools.offline.plugins.check import DEFAULTS, check
from tools.offline.plugins.diff import diff
from tools.offline.plugins.hcloud.api import Api, ApiError
from tools.offline.plugins.hcloud.labels import label_failures
from tools.offline.plugins.resource import Checked, Difference, Failure, Found, InitFailedError, PluginError, name_of
from tools.offline.plugins.schema import Schema
from tools.offline.plugins.state import inputs_after_read, plain, planned, preview_state
from tools.offline.plugins.values import Properties, reveal

TRIES = 5
"""How often the official plugin tries what another action may hold up."""


class LegacyResource(ABC):
    """All of a Resource but what is asked of the API."""

    schema: ClassVar[Schema]

    def __init__(self, api: Api) -> None:
        self._api = api

    @abstractmethod
    def _post(self, wanted: Properties) -> tuple[str, Properties]:
        """Ask for the resource; return its id and the answer."""

    def _complete(self, _identifier: str, _wanted: Properties, answer: Properties) -> None:
        """Do what is left once the resource exists: here, wait until it is made."""
        self._api.settle(answer.get("action"))

    @abstractmethod
    def _find(self, identifier: str, before: Properties) -> Properties | None:
        """Return the state as it is now, None when the resource is gone; `before` has what the API does not tell."""

    @abstractmethod
    def _change(self, identifier: str, old: Properties, new: Properties, changed: set[str]) -> None:
        """Change the resource in place."""

    @abstractmethod
    def _remove(self, identifier: str, state: Properties) -> None:
        """Remove the resource."""

    def _faults(self, name: str, inputs: Properties) -> Iterator[Failure]:
        """Return what is wrong with inputs beyond the schema."""
        return label_failures(name, inputs)

    def _normal(self, inputs: Properties) -> Properties:
        """Return checked inputs as the state has them."""
        return inputs

    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""
        checked = check(self.schema, name_of(urn), reveal(inputs), reveal(olds), proposed_name)
        return Checked(checked.inputs, [*checked.failures, *self._faults(name_of(urn), checked.inputs)])

    def diff(self, state: Properties, _old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        news = self._normal(reveal(inputs))
        # When the program chose the name, the old resource has to go before the new one can come.
        named = any(known.named for known in self.schema.values()) and "name" not in inputs.get(DEFAULTS, [])
        found = diff(self.schema, reveal(state), news, delete_first=named)
        # What neither the state nor the program has is no difference: a creation that failed half-way leaves such a state.
        left_out = {name for name in self.schema if state.get(name) is None and news.get(name) is None}
        return Difference({path: change for path, change in found.changes.items() if path not in left_out}, found.delete_first)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        wanted = reveal(inputs)
        if preview:
            return "", self._defaulted(preview_state(self.schema, self._normal(wanted)))
        with _telling():
            identifier, answer = self._post(plain(wanted))
        before = self._planned(identifier, {}, wanted)
        try:
            with _telling(f"creating {urn}: "):
                self._complete(identifier, plain(wanted), answer)
                return identifier, self._found(identifier, before)
        except PluginError as error:
            raise InitFailedError(str(error), identifier, before) from error

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource."""
        with _telling():
            found = self._find(identifier, reveal(state))
        if found is None:
            return None
        news = self._normal(reveal(inputs))
        after = inputs_after_read(self.schema, news, found)
        kept = {name: inputs[name] for name in news if name in inputs and after.get(name) == news[name]}
        return Found(found["id"], found, {**after, **kept})

    def update(self, urn: str, identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource."""
        old = reveal(state)
        new = self._planned(identifier, old, reveal(inputs))
        if preview:
            return new
        changed = {path.partition(".")[0].partition("[")[0] for path in self.diff(old, {}, reveal(inputs)).changes}
        with _telling(f"updating {urn}: "):
            self._change(identifier, old, new, changed)
            return self._found(identifier, new)

    def delete(self, urn: str, identifier: str, state: Properties) -> None:
        """See Resource."""
        with _telling(f"deleting {urn}: "):
            self._remove(identifier, reveal(state))

    def _planned(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        return self._defaulted(planned(self.schema, old, self._normal(inputs))) | {"id": identifier}

    def _defaulted(self, state: Properties) -> Properties:
        """Return a state with the defaults of what has no value."""
        return {name: self.schema[name].default if value is None else value for name, value in state.items()}

    def _found(self, identifier: str, before: Properties) -> Properties:
        found = self._find(identifier, before)
        if found is None:
            raise PluginError(f"{identifier} is gone")
        return found


@contextlib.contextmanager
def _telling(before: str = "") -> Iterator[None]:
    """Tell errors as the plugin SDK does."""
    try:
        yield
    except ApiError as error:
        # Go prints a map's strings so: [field => [one message another]].
        fields = " ".join(f"{name} => [{' '.join(messages)}]" for name, messages in error.fields.items())
        text = f"{error}: [{fields}]" if error.code == "invalid_input" else str(error)
        raise PluginError(f"{before}1 error occurred:\n\t* {text}\n\n") from error
    except InitFailedError:
        raise
    except PluginError as error:
        raise PluginError(f"{before}1 error occurred:\n\t* {error}\n\n") from error
