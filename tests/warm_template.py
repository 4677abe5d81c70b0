"""A program that has imported all of `regops` and starts it for tests/ops/warm_start.py, which tells how and why.

For each request that it reads from its standard input it forks a process that becomes the command, and one that waits for it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import time
from importlib import import_module

from ops.cli.app import Verbs, main

REQUEST_BYTES = 64 << 10
# What verbs import only when they have something to do.
_LATE = ("ops.cli.tables", "ops.runs.task", "ops.tasks.sync.concluded", "ops.tasks.sync.run")
STREAMS = 4  # standard input, output and error of the command, and a pipe that is told how it ends


def serve(requests: socket.socket) -> int:
    """Start what is asked for, until those who ask have ended; return the exit code, in a fork the one of its command."""
    for verb in Verbs.verbs.values():
        import_module(verb.app.partition(":")[0])
    for late in _LATE:
        import_module(late)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        request, streams, *_ = socket.recv_fds(requests, REQUEST_BYTES, STREAMS)
        if not request:
            return 0
        if not os.fork():
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if not (command := os.fork()):
                return _become(streams, **json.loads(request))
            os.write(streams[-1], f"{command}\n".encode())
            os.write(streams[-1], f"{os.waitpid(command, 0)[1]}\n".encode())
            os._exit(0)
        for stream in streams:
            os.close(stream)


def _become(streams: list[int], words: list[str], environment: dict[str, str]) -> int:
    os.setsid()
    for number, stream in enumerate(streams):
        if stream != streams[-1]:
            os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    return main(words)


if __name__ == "__main__":
    sys.exit(serve(socket.socket(fileno=os.dup(sys.stdin.fileno()))))
