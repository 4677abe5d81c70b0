"""What is in a recovery kit, and how it is sealed: a tar file, encrypted with a passphrase in the format of age.

https://age-encryption.org/v1: `age --decrypt kit.age | tar --extract` opens it without this software.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath

import pyrage

from ops.core import exit_codes

PAGE, STATE, PASSPHRASE = "README.md", "state.json", "passphrase"
BACKUPS, BACKUP_KEY, KNOWN_HOSTS = "backups.env", "backup-key", "known_hosts"
# What each of its files is for, in the order in which they are shown; the settings are `Pulumi.<stack>.yaml`.
PURPOSES: Mapping[str, str] = {
    PAGE: "what to do, in five lines",
    STATE: "Pulumi's state: every generated secret, and the ids of what is rented",
    PASSPHRASE: "opens the secrets in the state and in the settings",
    BACKUPS: "where the backups are, and the passwords that open them",
    BACKUP_KEY: "logs in to the server of the backups",
    KNOWN_HOSTS: "the host key of that server",
}
_MODE = 0o600
# How a file of age begins: as it is, and as text (`age --armor`), which is opened, too.
_AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")


class KitError(Exception):
    """A recovery kit cannot be written or opened; the message says why, and what to do."""

    exit_code = exit_codes.FAILED


def settings_name(stack: str) -> str:
    """Return the name of a stack's configuration file."""
    return f"Pulumi.{stack}.yaml"


def settings_in(files: Mapping[str, str]) -> str:
    """Return the name of the configuration file in a kit.

    Raises:
        KitError: There is none.
    """
    for name in files:
        if name.startswith("Pulumi.") and name.endswith(".yaml"):
            return name
    raise KitError("this kit has no settings (Pulumi.<stack>.yaml); write a new one with `up`")


def seal(files: Mapping[str, str], passphrase: str) -> bytes:
    """Return an encrypted tar file of some text files.

    Args:
        files: Content by name.
        passphrase: What opens it again.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), _MODE
            archive.addfile(member, io.BytesIO(content))
    return pyrage.passphrase.encrypt(packed.getvalue(), passphrase)


def unseal(sealed: bytes, passphrase: str) -> dict[str, str]:
    """Return the text files of a kit, content by name.

    Raises:
        KitError: The passphrase is another one, or it is no kit, or a damaged one.
    """
    if not sealed.startswith(_AGE):
        raise KitError("this is no recovery kit: it is not encrypted in the format of age")
    try:
        packed = pyrage.passphrase.decrypt(sealed, passphrase)
    except pyrage.DecryptError as error:
        raise KitError(f"the passphrase does not open this kit, or the file is damaged ({error})") from error
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            return {_safe(member.name): _text(archive, member) for member in archive.getmembers()}
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise KitError(f"this is no recovery kit: {error}") from error


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    if file is None:
        raise KitError(f"this is no recovery kit: {member.name} is no file")
    return file.read().decode()


def _safe(name: str) -> str:
    """Return a name, if it is one of a file beside the others."""
    if PurePosixPath(name).name != name or name.startswith("."):
        raise KitError(f"this is no recovery kit: it has a file called {name}")
    return name
