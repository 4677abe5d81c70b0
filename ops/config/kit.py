"""What the program knows of a recovery kit, and hands to the command that writes it."""

from __future__ import annotations

from ops.config.base import Strict


class KitBackups(Strict):
    """How the backups are opened from anywhere.

    Attributes:
        target: The folder, or `ssh://user@host:port/path`.
        host_key: Public key of that server; empty if the first connection is trusted.
        key: The private key to log in with, in OpenSSH format; empty for a folder.
        password: The password of the repository.
        second_password: The other one.
    """

    target: str
    host_key: str = ""
    key: str = ""
    password: str
    second_password: str


class KitRequest(Strict):
    """A recovery kit to write. It is written anew when one of these changes.

    Attributes:
        file: Where to.
        passphrase: What it is encrypted with.
        stack: The stack, as Pulumi knows it.
        settings: The text of the stack's configuration file.
        backups: How the backups are opened.
        made_of: Text that changes with everything else that the state keeps and a recovery needs: secrets, addresses, machines.
    """

    file: str
    passphrase: str
    stack: str
    settings: str
    backups: KitBackups
    made_of: str
