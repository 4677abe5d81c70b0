"""A program that has imported all of another one and starts it for tests/warm_start.py, which tells how and why.

For each request that it reads from its standard input it forks a process that becomes the program, and one that waits for it.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module

from infra.paths import PROJECT_FOLDER

# Takes the words of a program, and returns its exit code.
Main = Callable[[list[str]], int]

REQUEST_BYTES = 128 << 10
STREAMS = 4  # standard input, output and error of the program, and a pipe that is told how it ends
# What verbs of `regops` import only when they have something to do.
_LATE = ("ops.cli.tables", "ops.runs.task", "ops.tasks.sync.concluded", "ops.tasks.sync.run")


def regops() -> Main:
    """Import `regops` with all of its verbs."""
    from ops.cli.app import Verbs, main  # noqa: PLC0415  # each template imports its own program alone

    for verb in Verbs.verbs.values():
        import_module(verb.app.partition(":")[0])
    for late in _LATE:
        import_module(late)
    return main


def gateway() -> Main:
    """Import the gateway."""
    from ops.gateway.__main__ import main  # noqa: PLC0415

    return main


def program() -> Main:
    """Import what the Pulumi program does; it is run by the SDK's executor, whose path is the first of the words."""
    path = PROJECT_FOLDER / "__main__.py"
    imports: list[ast.stmt] = [one for one in ast.parse(path.read_text()).body if isinstance(one, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), path, "exec"), {})  # noqa: S102  # text of our own
    # Of the stacks that are not local, and of the small programs that test the stand-ins.
    for name in ("infra.hetzner.place", "infra.ssh_host", "pulumi_command", "pulumi_docker", "pulumi_hcloud"):
        import_module(name)

    def main(words: list[str]) -> int:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
        return 0

    return main


def plugin() -> Main:
    """Import the stand-ins; the first word says which is to be one."""
    from tools.offline.plugins.start import use_bare_sdk  # noqa: PLC0415

    use_bare_sdk()
    mains = {name: import_module(f"tools.offline.plugins.{name}.provider").main for name in ("docker", "command", "hcloud")}

    def main(words: list[str]) -> int:
        sys.argv = words
        mains[words[0]]()
        return 0

    return main


KINDS: dict[str, Callable[[], Main]] = {"regops": regops, "gateway": gateway, "program": program, "plugin": plugin}


def serve(requests: socket.socket, main: Main) -> int:
    """Start what is asked for, until those who ask have ended; return the exit code, in a fork the one of its program."""
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        request, streams, *_ = socket.recv_fds(requests, REQUEST_BYTES, STREAMS)
        if not request:
            return 0
        if not os.fork():
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if not (started := os.fork()):
                return main(_become(streams, **json.loads(request)))
            os.write(streams[-1], f"{started}\n".encode())
            _outlive(started, streams[-1])
            os._exit(0)
        for stream in streams:
            os.close(stream)


def _outlive(started: int, tells: int) -> None:
    """Wait for a program's end, and tell how it was; end it when nobody is there any more to be told."""
    watched = select.poll()
    watched.register(os.pidfd_open(started), select.POLLIN)
    watched.register(tells, 0)  # for an error, which is that the other end is closed
    if tells in dict(watched.poll()):
        os.kill(started, signal.SIGKILL)
    status = os.waitpid(started, 0)[1]
    with contextlib.suppress(BrokenPipeError):
        os.write(tells, f"{status}\n".encode())


def _become(streams: list[int], words: list[str], environment: dict[str, str], folder: str) -> list[str]:
    """Make this process the one that was asked for, and return its words."""
    os.setsid()
    for number, stream in enumerate(streams):
        if stream != streams[-1]:
            os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    return words


if __name__ == "__main__":
    sys.exit(serve(socket.socket(fileno=os.dup(sys.stdin.fileno())), KINDS[sys.argv[1]]()))
