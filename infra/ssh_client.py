"""The operator's `ssh`, as the program and the Docker plugin use it: one key, one known host key, one shared connection."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import cache_folder
from ops.core.files import write_atomic
from ops.core.process import CommandError, Completed, run

# The exit code of ssh itself, when the connection fails: ssh(1).
UNREACHABLE = 255
_FINAL = ("verification failed", "Permission denied")
_PAUSE_S = 2.0
_PRIVATE = 0o600
# The path of a socket has at most 108 characters, and ssh adds 17 while it creates one.
_LONGEST_SOCKET = 90


@dataclass(frozen=True)
class SshAccess:
    """How a server is reached.

    Attributes:
        address: Its address.
        private_key: The program's private key, in OpenSSH format.
        host_key: The server's public key, `ssh-ed25519 AAAA…`; a server with another one is refused.
        user: User to log in as.
    """

    address: str
    private_key: str
    host_key: str
    user: str = "root"

    def options(self) -> Sequence[str]:
        """Return the arguments of `ssh`, after writing the files that they need into the operator's cache.

        All connections share one, which closes when it is not used: https://man.openbsd.org/ssh_config#ControlMaster

        Raises:
            OSError: The cache cannot be written.
        """
        name = hashlib.sha256(f"{self.address}\n{self.private_key}\n{self.host_key}".encode()).hexdigest()[:16]
        folder = cache_folder("ssh") / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep(folder / "key", self.private_key.rstrip() + "\n")
        _keep(folder / "known_hosts", f"{self.address} {self.host_key}\n")
        options = {
            "IdentityFile": folder / "key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "15",
            "LogLevel": "ERROR",
        }
        socket = folder / "master"
        if len(str(socket)) < _LONGEST_SOCKET:
            options |= {"ControlMaster": "auto", "ControlPath": socket, "ControlPersist": "15"}
        # The operator's own configuration is ignored: a `Host *` in it could change anything.
        return ["-F", "/dev/null", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]

    def run(self, command: str, *, timeout: float, patience: float = 0.0) -> Completed:
        """Run a shell command on the server. With patience it may run more than once.

        Args:
            command: The command, for the server's shell.
            timeout: Seconds that it may take.
            patience: Seconds to keep trying while the server does not answer, for example because it restarts.

        Raises:
            CommandError: It failed, or the server cannot be reached; then the exit code is `UNREACHABLE`.
        """
        argv = ["ssh", *self.options(), f"{self.user}@{self.address}", command]
        give_up = time.monotonic() + patience
        while True:
            try:
                return run(argv, timeout=timeout)
            except CommandError as error:
                if time.monotonic() > give_up or not is_away(error):
                    raise
            time.sleep(_PAUSE_S)


def is_away(error: CommandError) -> bool:
    """Whether the server may answer later, as after a restart. A wrong host key or a refused login will not change."""
    failed = error.completed
    return failed is not None and failed.returncode == UNREACHABLE and not any(reason in failed.stderr for reason in _FINAL)


def _keep(path: Path, content: str) -> None:
    if not path.is_file() or path.read_text() != content:
        write_atomic(path, content, mode=_PRIVATE)
