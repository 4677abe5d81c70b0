"""What commands here and elsewhere have in common: which step of a resource's life runs what, and the state after it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping

from tools.offline.plugins.command.inputs import compare
from tools.offline.plugins.command.shell import Output
from tools.offline.plugins.resource import Checked, Difference, Found, name_of
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import UNKNOWN, Properties, reveal

ID_BYTES = 4
_OUTPUTS = ("stdout", "stderr")
_PREVIOUS = {"stdout": "PULUMI_COMMAND_STDOUT", "stderr": "PULUMI_COMMAND_STDERR"}
_SHOWN: Mapping[str, frozenset[str]] = {
    "stdout": frozenset({"stdout"}),
    "stderr": frozenset({"stderr"}),
    "stdoutAndStderr": frozenset(_OUTPUTS),
}


class Command(ABC):
    """A command, wherever it runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @abstractmethod
    def check(self, urn: str, inputs: Properties, olds: Properties, proposed_name: str) -> Checked:
        """See Resource."""

    @abstractmethod
    def _execute(self, urn: str, command: str, given: Properties, previous: Mapping[str, str]) -> Output:
        """Run a command.

        Args:
            urn: Of the resource.
            command: What to run.
            given: All inputs, without secret marks.
            previous: Environment variables with what the last run wrote.
        """

    def diff(self, _state: Properties, old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource. Whatever changes runs the command again; a replacement is asked for by the SDK, for triggers."""
        return compare(old_inputs, inputs)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        identifier = f"{name_of(urn)}{os.urandom(ID_BYTES).hex()}"
        if preview:
            return identifier, {**inputs, **dict.fromkeys(_OUTPUTS, UNKNOWN)}
        return identifier, self._run(urn, "create", inputs, dict.fromkeys(_OUTPUTS, ""))

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource. What a command did cannot be read."""
        return Found(identifier, state, inputs)

    def update(self, urn: str, _identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource."""
        if preview:
            return {**inputs, **dict.fromkeys(_OUTPUTS, UNKNOWN)}
        step = "create" if inputs.get("update") is None else "update"
        return self._run(urn, step, inputs, {name: state.get(name) or "" for name in _OUTPUTS})

    def delete(self, urn: str, _identifier: str, state: Properties) -> None:
        """See Resource."""
        self._run(urn, "delete", state, {name: state.get(name) or "" for name in _OUTPUTS})

    def _run(self, urn: str, step: str, inputs: Properties, previous: Properties) -> Properties:
        """Run one step, if there is a command for it; return the state after it."""
        given = reveal(inputs)
        if given.get(step) is None:
            return {**inputs, **previous}
        kept = given.get("addPreviousOutputInEnv") is not False
        written = {_PREVIOUS[name]: text for name, text in reveal(previous).items() if text and kept}
        output = self._execute(urn, given[step], given, written)
        return {**inputs, "stdout": output.stdout, "stderr": output.stderr}


def shown(given: Properties) -> frozenset[str]:
    """Return which of `stdout` and `stderr` are shown while a command runs."""
    return _SHOWN["stdoutAndStderr"] if given.get("logging") is None else _SHOWN.get(given["logging"], frozenset())
