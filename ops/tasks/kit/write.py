"""Writes a recovery kit: what the program knows, and the state as it is at this moment of `up`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.config import KitBackups, KitRequest, SshTarget
from ops.core.files import write_atomic
from ops.core.process import CommandError, run
from ops.tasks.kit.model import (
    BACKUP_KEY,
    BACKUPS,
    KNOWN_HOSTS,
    PAGE,
    PASSPHRASE,
    STATE,
    KitError,
    seal,
    settings_name,
)
from ops.tasks.kit.page import page
from ops.tasks.kit.verify import opens

_EXPORT_LIMIT_S = 120.0


def write_kit(request: KitRequest, environment: Mapping[str, str] = os.environ) -> str:
    """Write a kit; return a line about it.

    Args:
        request: What the program knows.
        environment: Where Pulumi finds its backend and its passphrase.

    Raises:
        KitError: The state cannot be read, or its passphrase is not known here.
        OSError: The file cannot be written; the one before is unchanged.
    """
    state = _state(request)
    files = {settings_name(request.stack): request.settings, STATE: json.dumps(state), **_of_backups(request.backups)}
    passphrase = _passphrase(environment)
    if passphrase:
        files[PASSPHRASE] = passphrase + "\n"
    provider = state["deployment"].get("secrets_providers") or {}
    if provider.get("type") == "passphrase" and not opens(passphrase, provider["state"]["salt"]):
        raise KitError("PULUMI_CONFIG_PASSPHRASE(_FILE) does not have the passphrase of the state, so the kit would not open it")
    files = {PAGE: page(request.stack, has_passphrase=bool(passphrase)), **files}
    target = Path(request.file).expanduser().resolve()  # what a link names, such as a stick, and not the link
    write_atomic(target, seal(files, request.passphrase), mode=0o600)
    return f"{target} is the recovery kit of {request.stack}; keep a copy of it, and its passphrase, in another place"


def _state(request: KitRequest) -> dict[str, Any]:
    """Return the state, as `pulumi stack import` takes it. Secrets in it are encrypted."""
    words = ["pulumi", "stack", "export", "--stack", request.stack, "--non-interactive"]
    try:
        exported = run(words, timeout=_EXPORT_LIMIT_S)
    except CommandError as error:
        raise KitError(f"the state cannot be read for the recovery kit: {error}") from error
    state: dict[str, Any] = json.loads(exported.stdout)
    # This very command is one of them.
    state["deployment"].pop("pending_operations", None)
    return state


def _passphrase(environment: Mapping[str, str]) -> str:
    """Return the passphrase of the state: https://www.pulumi.com/docs/iac/cli/environment-variables/ ."""
    # In the order in which Pulumi looks.
    if (passphrase := environment.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return passphrase
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    return Path(file).read_text().strip() if file else ""


def _of_backups(backups: KitBackups) -> Mapping[str, str]:
    ssh = SshTarget.of(backups.target)
    values = {
        "RESTIC_REPOSITORY": ssh.sftp if ssh else backups.target,
        "RESTIC_PASSWORD": backups.password,
        "SECOND_PASSWORD": backups.second_password,
    }
    files = {BACKUPS: "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())}
    if ssh and backups.key:
        files[BACKUP_KEY] = backups.key
    if ssh and backups.host_key:
        files[KNOWN_HOSTS] = ssh.known_host(backups.host_key)
    return files
