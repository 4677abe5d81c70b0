"""Renders the command `regops` of a server: that of the current release, as the user of all services."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from infra.server.head import HEAD
from infra.server.schedule import USER, environment

PATH = "/usr/local/bin/regops"


def without_rights(user: str = USER, *, docker: bool = False) -> Sequence[str]:
    """Return the words that begin a command which root starts as another user, without any right of root's.

    Args:
        user: As UID:GID; by number, for systemd's user may not be there yet.
        docker: Whether it may use the Docker engine.
    """
    uid, _, gid = user.partition(":")
    groups = "--groups=docker" if docker else "--clear-groups"
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", groups, "--inh-caps=-all", "--no-new-privs"]


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
