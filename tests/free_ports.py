"""Ports for programs that tests start: each worker has its own range, none of which the kernel uses for outgoing connections."""

from __future__ import annotations

import contextlib
import os
import random
import socket

# Below net.ipv4.ip_local_port_range.
_FIRST, _END = 12_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on and that this process has not been given before."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    width = (_END - _FIRST) // workers
    mine = range(_FIRST + worker * width, _FIRST + (worker + 1) * width)
    for port in random.sample(mine, len(mine)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            if port not in _given:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port
    raise AssertionError(f"no port from {mine.start} to {mine.stop} is free")
