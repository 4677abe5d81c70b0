"""The command plugin: which resources it has."""

from __future__ import annotations

from tools.offline.plugins.command.copy_to_remote import CopyToRemote
from tools.offline.plugins.command.local_command import LocalCommand
from tools.offline.plugins.command.remote_command import RemoteCommand
from tools.offline.plugins.plugin import Package, run
from tools.offline.plugins.resource import Checked, Failure
from tools.offline.plugins.values import Properties


def _check_config(inputs: Properties) -> Checked:
    unknown = [name for name in inputs if name != "version" and not name.startswith("__")]
    return Checked(inputs, [Failure(f"`command:{name}` is not a valid configuration key", name) for name in unknown])


PACKAGE = Package(
    "command",
    accepts_secrets=True,
    check_config=_check_config,
    resources=lambda session: {
        "command:local:Command": LocalCommand(session),
        "command:remote:Command": RemoteCommand(session),
        "command:remote:CopyToRemote": CopyToRemote(session),
    },
)


def main() -> None:
    """Serve the plugin."""
    run(PACKAGE)
