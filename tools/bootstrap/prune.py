"""Removes old backups: hands the host the key that can, by standard input, for the time of one run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from infra.backups import LOGIN, PRUNE_KEY
from infra.paths import PROJECT_FOLDER
from infra.ssh_client import SshAccess
from ops.core.process import run
from tools.bootstrap.errors import SetupError
from tools.bootstrap.session import Session

# Longer than restic may take.
_LIMIT_S = 13 * 3600.0
_READ_S = 120.0
_PROGRAM = "regops"


def prune_here(session: Session, options: Sequence[str]) -> None:
    """Remove old backups of a stack on this machine.

    Args:
        session: The stack.
        options: Those of `regops backups prune`.

    Raises:
        SetupError: There is no such key.
        CommandError: It failed.
    """
    key = _key_of(session.outputs())
    program = PROJECT_FOLDER / "bin" / _PROGRAM
    run([program, "--root", session.root, *_words(options)], timeout=_LIMIT_S, stdin=key, stream=True)


def prune_there(outputs: Mapping[str, Any], options: Sequence[str]) -> None:
    """Remove old backups of a stack on a server.

    Args:
        outputs: Those of the stack.
        options: Those of `regops backups prune`.

    Raises:
        SetupError: There is no such key.
        CommandError: It failed, or the server cannot be reached.
    """
    key, access = _key_of(outputs), _access_of(outputs)
    command = shlex.join([_PROGRAM, *_words(options)])
    run(["ssh", *access.options(), f"{access.user}@{access.address}", command], timeout=_LIMIT_S, stdin=key, stream=True)


def server_outputs(stack: str) -> Mapping[str, Any]:
    """Return the outputs of a stack on a server, on which the operator's own `pulumi` works.

    Raises:
        CommandError: It does not.
    """
    told = run(["pulumi", "stack", "output", "--stack", stack, "--json", "--show-secrets"], timeout=_READ_S, cwd=PROJECT_FOLDER)
    outputs: dict[str, Any] = json.loads(told.stdout)
    return outputs


def _key_of(outputs: Mapping[str, Any]) -> str:
    if key := outputs.get(PRUNE_KEY):
        return str(key)
    raise SetupError(
        "no key is kept back from this host, so that `regops backups prune` there removes old backups; "
        "if you have just set backup.append_only, run `up` first"
    )


def _access_of(outputs: Mapping[str, Any]) -> SshAccess:
    # The engine gives text that is JSON as what it says.
    login = outputs[LOGIN]
    return SshAccess(**(json.loads(login) if isinstance(login, str) else login))


def _words(options: Sequence[str]) -> Sequence[str]:
    return ["backups", "prune", "--key", "-", *options]
