"""Starts `regops` without its imports, which take a third of a second: as a fork of a program that has done them.

It is a process of its own all the same, with the words, the environment and the streams that it is given. How a real start goes,
what it imports among others, is what tests/ops/cli/test_app.py tests.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from infra.paths import PROJECT_FOLDER
from ops.core.process import CommandError, Completed

_TEMPLATE = "tests.ops.warm_template"


def run_warm(words: Sequence[str], environment: Mapping[str, str], limit_s: float) -> Completed:
    """Run `regops`, and return how it ended.

    Args:
        words: Its arguments.
        environment: All of its environment.
        limit_s: For how long it may run.

    Raises:
        CommandError: It ran for longer, and was killed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with Path(os.devnull).open("rb") as nothing:
            told, tells = os.pipe()
            request = json.dumps({"words": words, "environment": dict(environment)}).encode()
            socket.send_fds(_template(), [request], [nothing.fileno(), out.fileno(), err.fileno(), tells])
            os.close(tells)
        with os.fdopen(told, "rb") as answers:
            process, late = int(answers.readline()), threading.Event()
            timer = threading.Timer(limit_s, _kill, (process, late))
            timer.start()
            status = int(answers.readline())
            timer.cancel()
        if late.is_set():
            raise CommandError(f"`regops {' '.join(words)}` was killed after its limit of {limit_s:g} s")
        return Completed(("regops", *words), os.waitstatus_to_exitcode(status), _text(out), _text(err))


def _kill(process: int, late: threading.Event) -> None:
    late.set()
    os.killpg(process, signal.SIGKILL)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


@cache
def _template() -> socket.socket:
    """Return the socket of the program to fork; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", _TEMPLATE],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            cwd=PROJECT_FOLDER,
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
