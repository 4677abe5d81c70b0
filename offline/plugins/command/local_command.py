"""`command:local:Command`: runs a command when it is created, updated and deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from offline.plugins.command.inputs import check_inputs, compare
from offline.plugins.command.shell import Call, Output, run_command
from offline.plugins.resource import Checked, Difference, Found, name_of
from offline.plugins.session import Session
from offline.plugins.values import UNKNOWN, Properties, reveal

_INTERPRETER = ("/bin/sh", "-c")
_ID_BYTES = 4
_OUTPUTS = ("stdout", "stderr")
_PREVIOUS = {"stdout": "PULUMI_COMMAND_STDOUT", "stderr": "PULUMI_COMMAND_STDERR"}
_SHOWN: Mapping[str, frozenset[str]] = {
    "stdout": frozenset({"stdout"}),
    "stderr": frozenset({"stderr"}),
    "stdoutAndStderr": frozenset(_OUTPUTS),
}


class LocalCommand:
    """A command on this machine."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(self, _urn: str, inputs: Properties, _olds: Properties, _proposed_name: str) -> Checked:
        """See Resource."""
        return check_inputs(inputs)

    def diff(self, _state: Properties, old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource. Whatever changes runs the command again; a replacement is asked for by the SDK, for triggers."""
        return compare(old_inputs, inputs)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        identifier = f"{name_of(urn)}{os.urandom(_ID_BYTES).hex()}"
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
        call = Call(
            interpreter=given.get("interpreter") or _INTERPRETER,
            command=given[step],
            folder=given.get("dir"),
            environment={**(given.get("environment") or {}), **dict(_previous_output(given, reveal(previous)))},
            stdin=given.get("stdin") or "",
        )
        shown = _SHOWN["stdoutAndStderr"] if given.get("logging") is None else _SHOWN.get(given["logging"], frozenset())
        output: Output = run_command(call, shown=shown, log=self._session.log(urn), cancelled=self._session.cancelled)
        return {**inputs, "stdout": output.stdout, "stderr": output.stderr}


def _previous_output(given: Properties, previous: Properties) -> Iterator[tuple[str, Any]]:
    if given.get("addPreviousOutputInEnv") is not False:
        yield from ((_PREVIOUS[name], text) for name, text in previous.items() if text)
