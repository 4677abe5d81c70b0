"""`command:remote:CopyToRemote`: copies a file, a folder or a text to another machine, and never removes it there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tools.offline.plugins.command.connection import CONNECTION, check_remote, target_of
from tools.offline.plugins.command.inputs import ANY, Shape, compare
from tools.offline.plugins.command.steps import ID_BYTES
from tools.offline.plugins.resource import Checked, Difference, Failure, Found
from tools.offline.plugins.session import Session
from tools.offline.plugins.values import UNKNOWN, Asset, Properties, reveal

_SHAPE = Shape(
    "remote.CopyToRemoteInputs",
    {"connection": CONNECTION, "triggers": "[]interface {}", "source": ANY, "remotePath": "string"},
    required=("connection", "source", "remotePath"),
)


class CopyToRemote:
    """A copy on another machine."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def check(self, _urn: str, inputs: Properties, _olds: Properties, _proposed_name: str) -> Checked:
        """See Resource."""
        checked = check_remote(_SHAPE, inputs)
        return Checked(checked.inputs, [*checked.failures, *_source_failures(reveal(inputs.get("source")))])

    def diff(self, _state: Properties, old_inputs: Properties, inputs: Properties) -> Difference:
        """See Resource."""
        return compare(old_inputs, inputs)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """See Resource."""
        if preview:
            return "", {**inputs, "source": UNKNOWN}
        self._copy(urn, inputs)
        return os.urandom(ID_BYTES).hex(), inputs

    def read(self, identifier: str, state: Properties, inputs: Properties) -> Found | None:
        """See Resource. Nobody looks whether the copy is still there."""
        return Found(identifier, state, inputs)

    def update(self, urn: str, _identifier: str, state: Properties, inputs: Properties, *, preview: bool) -> Properties:
        """See Resource. Another connection alone copies nothing."""
        if not preview and _wanted(state) != _wanted(inputs):
            self._copy(urn, inputs)
        return inputs

    def delete(self, _urn: str, _identifier: str, _state: Properties) -> None:
        """See Resource. The copy stays."""

    def _copy(self, urn: str, inputs: Properties) -> None:
        from tools.offline.plugins.command.sftp import copy_to  # noqa: PLC0415  # most starts of the plugin connect nowhere
        from tools.offline.plugins.command.ssh import over_ssh  # noqa: PLC0415

        given = reveal(inputs)
        over_ssh(
            target_of(given["connection"]),
            lambda connection: copy_to(connection, given["source"], given["remotePath"]),
            log=self._session.log(urn),
            cancelled=self._session.cancelled,
        )


def _wanted(properties: Properties) -> tuple[str, str]:
    given = reveal(properties)
    return given["source"].hash, given["remotePath"]


def _source_failures(source: Any) -> Iterator[Failure]:
    # Like the official plugin of this version, this refuses a source that is not known before `up`.
    if not isinstance(source, Asset):
        yield Failure("either asset or archive must be set", "asset")
    elif source.is_archive and not source.path:
        yield Failure("archive must be a path to a file or directory", "archive")
    elif not source.path and source.text is None:
        yield Failure("asset must be a path-based file asset or a text asset", "asset")
