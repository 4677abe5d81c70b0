"""`command:local:Command`: runs a command on this machine when it is created, updated and deleted."""

from __future__ import annotations

from collections.abc import Mapping

from tools.offline.plugins.command.inputs import STEPS, Shape, check_inputs
from tools.offline.plugins.command.shell import Call, Output, run_command
from tools.offline.plugins.command.steps import Command, shown
from tools.offline.plugins.resource import Checked
from tools.offline.plugins.values import Properties

_INTERPRETER = ("/bin/sh", "-c")
_SHAPE = Shape(
    "local.CommandInputs",
    {**STEPS, "dir": "string", "interpreter": "[]string"},
    not_covered=("assetPaths", "archivePaths"),
)


class LocalCommand(Command):
    """A command on this machine."""

    def check(self, _urn: str, inputs: Properties, _olds: Properties, _proposed_name: str) -> Checked:
        """See Resource."""
        return check_inputs(_SHAPE, inputs)

    def _execute(self, urn: str, command: str, given: Properties, previous: Mapping[str, str]) -> Output:
        call = Call(
            interpreter=given.get("interpreter") or _INTERPRETER,
            command=command,
            folder=given.get("dir"),
            environment={**(given.get("environment") or {}), **previous},
            stdin=given.get("stdin") or "",
        )
        return run_command(call, shown=shown(given), log=self._session.log(urn), cancelled=self._session.cancelled)
