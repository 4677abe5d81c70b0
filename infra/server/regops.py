"""Renders the command `regops` of a server. It runs the current release, as the user of all services."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from infra.server.head import HEAD
from infra.server.schedule import environment
from ops.config import SERVICE_USER

PATH = "/usr/local/bin/regops"


def without_rights(user: str = SERVICE_USER, *, docker: bool = False, new_rights: bool = False) -> Sequence[str]:
    """Return the words to put before a command, so that it runs as another user and without root's rights.

    Args:
        user: As UID:GID, because the user may not have a name yet.
        docker: Whether the command may use the Docker engine.
        new_rights: Whether it may start programs that have rights of their own, such as that which mounts for users.
    """
    uid, _, gid = user.partition(":")
    groups = "--groups=docker" if docker else "--clear-groups"
    words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", groups, "--inh-caps=-all"]
    return words if new_rights else [*words, "--no-new-privs"]


def regops_script(root: PurePosixPath) -> str:
    """Return the script.

    Args:
        root: The stack's folder on the host.
    """
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment(root).items())
    return f"""\
#!/bin/sh
# {HEAD}
[ "$(id -u)" != 0 ] || exec {shlex.join(without_rights(docker=True))} "$0" "$@"
export {variables} REGOPS_ROOT="${{REGOPS_ROOT:-{root}}}"
exec python3 -B -P -m ops.cli "$@"
"""
