"""The words with which `ssh` logs in on its own: it asks nobody anything, and gives up on a server that does not answer."""

from __future__ import annotations

from pathlib import Path


def ssh_options(*, identity: Path | None, known_hosts: Path | None, trusts_new: bool) -> list[str]:
    """Return options for `ssh`: https://man.openbsd.org/ssh_config .

    Args:
        identity: The only key to log in with; None for what `ssh` finds.
        known_hosts: The file of known servers; None for the user's own.
        trusts_new: Whether to trust the first connection to a server that is not known.
    """
    options: dict[str, object] = {
        "BatchMode": "yes",
        "ConnectTimeout": 15,
        "ServerAliveInterval": 15,
        "StrictHostKeyChecking": "accept-new" if trusts_new else "yes",
    }
    if known_hosts:
        options["UserKnownHostsFile"] = known_hosts
    if identity:
        options["IdentitiesOnly"] = "yes"
    return [*(["-i", str(identity)] if identity else []), *(f"-o{name}={value}" for name, value in options.items())]
