"""`command:remote:Command`: runs a command on another machine, by SSH, when it is created, updated and deleted."""

from __future__ import annotations

from collections.abc import Mapping

from tools.offline.plugins.command.connection import CONNECTION, check_remote, target_of
from tools.offline.plugins.command.inputs import STEPS, Shape
from tools.offline.plugins.command.shell import Output
from tools.offline.plugins.command.steps import Command, shown
from tools.offline.plugins.resource import Checked
from tools.offline.plugins.values import Properties

_SHAPE = Shape("remote.CommandInputs", {**STEPS, "connection": CONNECTION}, required=("connection",))


class RemoteCommand(Command):
    """A command on another machine."""

    def check(self, _urn: str, inputs: Properties, _olds: Properties, _proposed_name: str) -> Checked:
        """See Resource."""
        return check_remote(_SHAPE, inputs)

    def _execute(self, urn: str, command: str, given: Properties, previous: Mapping[str, str]) -> Output:
        from tools.offline.plugins.command.ssh import over_ssh  # noqa: PLC0415  # most starts of the plugin connect nowhere
        from tools.offline.plugins.command.ssh_command import RemoteCall, run_remote  # noqa: PLC0415

        call = RemoteCall(
            command=command,
            environment=given.get("environment") or {},
            previous=previous,
            stdin=given.get("stdin") or "",
            shown=shown(given),
        )
        log, warn = self._session.log(urn), self._session.log(urn, "WARNING")
        return over_ssh(
            target_of(given["connection"]),
            lambda connection: run_remote(connection, call, log=log, warn=warn),
            log=log,
            cancelled=self._session.cancelled,
        )
