"""Serves one gRPC service to the engine the way it expects of its plugins: port on stdout, quiet at the end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc  # type: ignore[import-untyped]

# The engine runs at most some sixteen resources at a time; threads are only made when they are needed.
_WORKERS = 64
_ORPHAN_POLL_S = 0.25
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]


def serve(register: Callable[[grpc.Server], None], *, at_end: Callable[[], None] = lambda: None) -> None:
    """Serve on a free loopback port until the engine ends this process, or the engine itself is gone.

    Args:
        register: Adds the service to the server.
        at_end: Run before this process ends.
    """

    def end(_number: int = 0, _frame: FrameType | None = None) -> None:
        at_end()
        # No clean-up and no traceback: calls still open are the engine's to report.
        os._exit(0)

    engine = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server = grpc.server(ThreadPoolExecutor(_WORKERS), options=_OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # An engine that was killed cannot end its plugins.
    while os.getppid() == engine:
        time.sleep(_ORPHAN_POLL_S)
    end()


def engine_address() -> str:
    """Return the address of the engine's own service: the last argument that it starts a plugin with."""
    return sys.argv[-1] if len(sys.argv) > 1 else ""
