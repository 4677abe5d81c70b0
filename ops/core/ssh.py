"""The words with which `ssh` logs in on its own: it asks nobody anything, and gives up on a server that does not answer."""

from __future__ import annotations

import re
from pathlib import Path

OTHER_HOST_KEY = "its host key is another one than that which is known here, so it may be another machine"
KEY_REFUSED = "it does not let this key in"
# Before what `ssh` itself says come many lines of warnings.
_REASONS = {"Host key verification failed": OTHER_HOST_KEY, "Permission denied (": KEY_REFUSED}
_PROBLEM = re.compile(
    r"ssh: (?:connect to|Could not resolve)|Connection (?:refused|reset|closed|timed out|to \S+ closed)|closed by remote host|"
    r"not responding|no route to host",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(r"^(?:subprocess ssh: |rclone: )")


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


def connection_problem(said: str) -> str:
    """Return why `ssh` could not connect, or that it lost the connection; empty if that is not what it said.

    Args:
        said: The standard error of a program that has started `ssh`.
    """
    if reason := next((why for sign, why in _REASONS.items() if sign in said), ""):
        return reason
    return _PASSED_ON.sub("", next(filter(_PROBLEM.search, said.splitlines()), "").strip())
