"""A socket on this machine whose connections reach a Docker engine by SSH, each by a `docker system dial-stdio` of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

_TAIL_BYTES = 2000


class SshRelay:
    """A listening socket; each connection to it is an `ssh` of its own."""

    def __init__(self, host: str, options: Sequence[str]) -> None:
        """Listen at once; nothing is connected until somebody asks.

        Args:
            host: As `ssh://user@host:port`.
            options: Arguments of `ssh`.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="docker-ssh-")
        self._errors = Path(self._folder.name, "stderr")
        self._command = [*command(host, options), "docker", "system", "dial-stdio"]
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._path))
        self._socket.listen(64)
        self._children: list[subprocess.Popen[bytes]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def _path(self) -> Path:
        return Path(self._folder.name, "docker.sock")

    @property
    def address(self) -> str:
        """The DOCKER_HOST of the socket."""
        return f"unix://{self._path}"

    @property
    def complaint(self) -> str:
        """What `ssh` said last on standard error."""
        try:
            return self._errors.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""

    def close(self) -> None:
        """End all connections."""
        with contextlib.suppress(OSError):  # it may be waiting for a connection, which this ends
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for child in self._children:
            child.terminate()
            child.wait()
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            self._children = [child for child in self._children if child.poll() is None]
            # Not by ops.core.process: its standard input and output are the connection itself.
            with connection, self._errors.open("ab") as errors:
                stream = connection.fileno()
                self._children.append(subprocess.Popen(self._command, stdin=stream, stdout=stream, stderr=errors))


def command(host: str, options: Sequence[str]) -> list[str]:
    """Return the call of `ssh` for a DOCKER_HOST."""
    parts = urlsplit(host)
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", *options, *user, *port, "--", str(parts.hostname)]
