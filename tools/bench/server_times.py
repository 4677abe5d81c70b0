"""How long a production stack takes on an emulated server, and how many SSH connections that needs."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tests.engine.servers import Server
from tools.bench.report import Row
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack, emulated_stack

_ADDRESS = "127.0.0.63"
_IMAGE = "bench/app:1"
_RUNS = 5


def measure(folder: Path) -> list[Row]:
    """Create a production stack, use it, update and preview it unchanged.

    Args:
        folder: Where its configuration and state live.
    """
    with emulated_stack(f"bench-{os.getpid()}", folder, _ADDRESS) as stack:
        created = _seconds(lambda: _create(stack, folder))
        server = Server(stack)
        services = len(server.containers())
        first = _connections(server)
        up = [_seconds(lambda: stack.stack.up("--expect-no-changes")) for _ in range(_RUNS)]
        then = (_connections(server) - first) / _RUNS
        preview = [_seconds(stack.stack.preview) for _ in range(_RUNS)]
    return [
        Row("from an API token to the first pull", f"{services} services on a new server", "", created, "s"),
        Row("`pulumi up` by SSH, nothing changed", f"{min(up):.1f} … {max(up):.1f} s", "≤ 10 s", statistics.median(up), "s"),
        Row(
            "`pulumi preview` by SSH, nothing changed",
            f"{min(preview):.1f} … {max(preview):.1f} s",
            "≤ 10 s",
            statistics.median(preview),
            "s",
        ),
        Row("SSH connections of the first `up`", "one for each command of `ops`, one that Docker's share", "", first, ""),
        Row("SSH connections of an `up` that changes nothing", "mean; runs within 15 s share one connection", "", then, ""),
    ]


def _create(stack: EmulatedStack, folder: Path) -> None:
    stack.stack.up()
    client = Client.of_operator(stack.stack.outputs(), folder)
    client.push(_IMAGE)
    client.pull(_IMAGE)


def _connections(server: Server) -> int:
    """Return how many connections the server's sshd has let in so far."""
    return int(server.run("journalctl --unit ssh --no-pager | grep -c 'Accepted publickey' || true"))


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
