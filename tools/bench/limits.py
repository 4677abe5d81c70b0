"""What this machine itself can do at most: its disk, its loopback network, and its processor at digests."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CHUNK = 1 << 20


def write(folder: Path, size: int) -> None:
    """Write one file from the beginning to its end, until it is on the disk; it is removed again."""
    chunk, file = secrets.token_bytes(_CHUNK), folder / "limit"
    with file.open("wb") as target:
        for _ in range(size // _CHUNK):
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    file.unlink()


def write_each(folder: Path, sizes: Sequence[int], at_once: int) -> None:
    """Write new files, each until it is on the disk, some at once."""
    folder.mkdir()

    def one(number: int) -> None:
        with (folder / str(number)).open("wb") as target:
            target.write(bytes(sizes[number]))
            target.flush()
            os.fsync(target.fileno())

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, range(len(sizes))))


def send(size: int) -> None:
    """Send bytes over one connection of the loopback network."""
    chunk = bytes(_CHUNK)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:

        def receive() -> None:
            connection, _ = server.accept()
            with connection:
                taken = bytearray(_CHUNK)
                while connection.recv_into(taken):
                    pass

        received = thread.submit(receive)
        with socket.create_connection(server.getsockname()) as sender:
            for _ in range(size // _CHUNK):
                sender.sendall(chunk)
        received.result()


def digest(size: int) -> None:
    """Compute the SHA-256 of bytes."""
    chunk, known = bytes(_CHUNK), hashlib.sha256()
    for _ in range(size // _CHUNK):
        known.update(chunk)
