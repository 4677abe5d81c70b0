"""Encrypts a checkout's state, and the secrets in its stacks' configuration, with a new passphrase."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import yaml

from infra.paths import PROJECT_FOLDER
from ops.core.files import write_atomic
from tools.bootstrap.configuration import SALT
from tools.bootstrap.errors import SetupError
from tools.bootstrap.stack import Stack, stacks_in

_CHANGE = ["stack", "change-secrets-provider", "passphrase"]
# What the file backend keeps of earlier states, encrypted with earlier passphrases.
_EARLIER = ("history", "backups")


def rotate_passphrase(stack: Stack) -> None:
    """Give all stacks of a checkout a new passphrase, since they share one. If this is killed, the next run goes on.

    Args:
        stack: One of them.

    Raises:
        SetupError: The passphrase comes from the environment, or opens neither the old nor the new state.
        CommandError: The engine refused.
    """
    if stack.own_passphrase:
        raise SetupError(
            "the passphrase comes from the environment (PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE): run "
            '`make pulumi ARGS="stack change-secrets-provider passphrase"` with the old one there, then put the new one there'
        )
    file = stack.passphrase_file
    fresh = file.with_name(f"{file.name}.new")
    if not fresh.exists():
        write_atomic(fresh, secrets.token_urlsafe(32) + "\n", mode=0o600)
    for name in stacks_in(stack.state):
        config = stack.config if name == stack.name else PROJECT_FOLDER / f"Pulumi.{name}.yaml"
        one = stack.another(name, config)
        with one.locked():
            if not one.opens_with(fresh):
                one.pulumi([*_CHANGE, "--stack", name], stdin=fresh.read_text())
            _tell(config, one.folder / f"Pulumi.{name}.yaml")
    fresh.replace(file)
    for folder in _EARLIER:
        shutil.rmtree(stack.state / "backend" / ".pulumi" / folder, ignore_errors=True)
    for old in (stack.state / "backend" / ".pulumi" / "stacks").rglob("*.bak"):
        old.unlink()


def _tell(config: Path, encrypted: Path) -> None:
    """Write the newly encrypted values of the engine's file into the operator's, whose other lines stay as they are."""
    text = config.read_text()
    theirs, ours = (yaml.safe_load(path.read_text()) or {} for path in (config, encrypted))
    pairs = _secure(theirs.get("config"), ours.get("config"))
    if salt := theirs.get(SALT):
        pairs.append((salt, ours[SALT]))
    for old, new in pairs:
        text = text.replace(old, new)
    if pairs:
        write_atomic(config, text)


def _secure(theirs: object, ours: object) -> list[tuple[str, str]]:
    """Return the pairs of old and new encrypted values, wherever they are."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if set(theirs) == {"secure"}:
            return [(theirs["secure"], ours["secure"])]
        return [pair for key in theirs for pair in _secure(theirs[key], ours.get(key))]
    if isinstance(theirs, list) and isinstance(ours, list):
        return [pair for one, other in zip(theirs, ours, strict=False) for pair in _secure(one, other)]
    return []
