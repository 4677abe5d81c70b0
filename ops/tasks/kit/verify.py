"""Tries a recovery kit: whether it is complete, whether its passphrase opens the state, and whether it opens the backups."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ops.backups.errors import BackupError, BackupUnreachableError
from ops.backups.restic import Restic, by_sftp
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.core.ssh import ssh_options
from ops.tasks.kit.model import BACKUP_KEY, BACKUPS, KNOWN_HOSTS, PASSPHRASE, STATE, KitError, settings_in

# How Pulumi derives the key of a state from its passphrase: `NewSymmetricCrypterFromPassphrase` and `passphrase.go` of
# https://github.com/pulumi/pulumi/tree/v3.259.0 .
_ROUNDS, _KEY_BYTES, _KNOWN_TEXT = 1_000_000, 32, b"pulumi"
_SALTED = 5


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        proven: What works.
        problems: What does not.
        unreachable: Why the backups could not be tried from here; empty if they were.
    """

    proven: tuple[str, ...]
    problems: tuple[str, ...]
    unreachable: str = ""

    @property
    def exit_code(self) -> int:
        """See `ops.core.exit_codes`."""
        if self.problems:
            return exit_codes.MISMATCH
        return exit_codes.UNREACHABLE if self.unreachable else exit_codes.OK


def verify_kit(files: Mapping[str, str], *, offline: bool = False) -> Verified:
    """Try everything in a kit.

    Args:
        files: Content by name.
        offline: Leave the backups alone.
    """
    proven, problems, unreachable = list[str](), list[str](), ""
    for what, attempt in ((_settings, "settings"), (_state, "state")):
        try:
            proven.append(what(files))
        except KitError as error:
            problems.append(f"{attempt}: {error}")
    if BACKUPS not in files:
        problems.append("backups: this stack has none (backup.target), so nothing could be restored")
    elif not offline:
        try:
            proven.append(_backups(files))
        except BackupUnreachableError as error:
            unreachable = f"the backups cannot be reached from here: {error}"
        except BackupError as error:
            problems.append(f"backups: {error}")
    return Verified(tuple(proven), tuple(problems), unreachable)


def _settings(files: Mapping[str, str]) -> str:
    return f"{settings_in(files)} is there"


def _state(files: Mapping[str, str]) -> str:
    try:
        deployment = json.loads(files[STATE])["deployment"]
        count = len(deployment["resources"])
    except (KeyError, ValueError) as error:
        raise KitError("it is missing or damaged; write a new kit with `up`") from error
    provider = deployment.get("secrets_providers") or {}
    if provider.get("type") != "passphrase":
        return (
            f"the state has {count} resources; its secrets are kept by {provider.get('type', 'nobody')}, which you need as well"
        )
    if not opens(files.get(PASSPHRASE, "").strip(), provider["state"]["salt"]):
        raise KitError("the passphrase in the kit does not open it; write a new kit with `up`")
    return f"the state has {count} resources, and its passphrase opens it"


def opens(passphrase: str, salted: str) -> bool:
    """Whether a passphrase is that of a state.

    Raises:
        KitError: The state is encrypted in a way that is not known here.
    """
    parts = salted.split(":")
    if len(parts) != _SALTED:
        raise KitError(f"its secrets are encrypted in a way that this release does not know ({parts[0]})")
    try:
        salt, nonce, sealed = (base64.b64decode(parts[index], validate=True) for index in (1, 3, 4))
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, _KEY_BYTES)
        return AESGCM(key).decrypt(nonce, sealed, None) == _KNOWN_TEXT
    except (InvalidTag, binascii.Error):
        return False


def _backups(files: Mapping[str, str]) -> str:
    """Open the repository with both passwords, from nothing but the kit."""
    values = dict(line.split("=", 1) for line in shlex.split(files[BACKUPS]))
    with tempfile.TemporaryDirectory(prefix="kit-") as scratch:
        folder = Path(scratch)
        for name in {BACKUP_KEY, KNOWN_HOSTS} & files.keys():
            write_atomic(folder / name, files[name], mode=0o600)
        options: list[str] = []
        if BACKUP_KEY in files:
            words = ssh_options(
                identity=folder / BACKUP_KEY, known_hosts=folder / KNOWN_HOSTS, trusts_new=KNOWN_HOSTS not in files
            )
            options = by_sftp(words)
        place, password = values["RESTIC_REPOSITORY"], folder / "password"
        restic = Restic(place, password, folder / "cache", options)
        write_atomic(password, values["SECOND_PASSWORD"], mode=0o600)
        restic.open()
        write_atomic(password, values["RESTIC_PASSWORD"], mode=0o600)
        count = len(restic.backups())
    return f"both passwords open the {count} backups in {place}"
