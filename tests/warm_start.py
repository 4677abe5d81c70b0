"""Starts programs without their imports, which take longer than what most of them do: as forks of one that has done them.

Each is a process of its own all the same, with the words, the environment and the streams that it is given. How a real start
goes, what it imports among others, has tests of its own: tests/ops/cli/test_app.py, tests/ops/gateway/test_main.py,
tests/tools/offline/test_language_host.py.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from infra.paths import PROJECT_FOLDER
from ops.core.process import CommandError, Completed

# What tests/warm_template.py can start.
Kind = Literal["regops", "gateway", "program", "plugin"]
_TEMPLATE = "tests.warm_template"
_LINE_BYTES = 64


class Warm:
    """A process that was started so; it is used as `subprocess.Popen` is."""

    def __init__(self, words: Sequence[str], told: int) -> None:
        """Take over.

        Args:
            words: What it is called when it does not end in time.
            told: A pipe that tells its id, and later how it has ended.
        """
        self._words, self._told, self._read = words, told, b""
        self._reading = threading.Lock()  # a language host waits in one thread, and ends the program in another
        weakref.finalize(self, os.close, told)
        self.returncode: int | None = None
        line = self._line(None)
        assert line is not None
        self.pid = int(line)

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        with self._reading:
            if self.returncode is None and (status := self._line(0.0)) is not None:
                self.returncode = os.waitstatus_to_exitcode(int(status))
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self.returncode is None:
            self._is_told(timeout)
            if self.poll() is None:
                raise subprocess.TimeoutExpired(self._words, timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # its end is about to be told
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def kill_group(self) -> None:
        """End it, and what it has started."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.wait()

    def _line(self, timeout: float | None) -> str | None:
        """Return the next line that is told; None if none is in time. Both come in one piece each."""
        while b"\n" not in self._read:
            if not self._is_told(timeout):
                return None
            piece = os.read(self._told, _LINE_BYTES)
            assert piece, "the program that starts others has ended"
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def _is_told(self, timeout: float | None) -> bool:
        # Not select(), which takes no file whose number is above 1023.
        watched = select.poll()
        watched.register(self._told, select.POLLIN)
        return bool(self._read or watched.poll(None if timeout is None else timeout * 1000))


def start_warm(
    kind: Kind,
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    stdin: IO[bytes] | None = None,
    folder: Path = PROJECT_FOLDER,
) -> Warm:
    """Start a program; it leads a session of its own.

    Args:
        kind: Which.
        words: Its arguments.
        environment: All of its environment.
        stdout: Where its output goes: an open file, or its number.
        stderr: The same of what it says of errors.
        stdin: What it reads; None for nothing.
        folder: In which it runs.
    """
    with Path(os.devnull).open("rb") as nothing:
        told, tells = os.pipe()
        request = json.dumps({"words": words, "environment": dict(environment), "folder": str(folder)}).encode()
        numbers = [one if isinstance(one, int) else one.fileno() for one in (stdin or nothing, stdout, stderr)]
        socket.send_fds(_template(kind), [request], [*numbers, tells])
        os.close(tells)
    return Warm(words, told)


def run_warm(
    kind: Kind, words: Sequence[str], environment: Mapping[str, str], limit_s: float, *, stdin: str | None = None
) -> Completed:
    """Run a program, and return how it ended.

    Args:
        kind: Which.
        words: Its arguments.
        environment: All of its environment.
        limit_s: For how long it may run.
        stdin: What it reads; None for nothing.

    Raises:
        CommandError: It ran for longer, and was killed.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((stdin or "").encode())
        given.seek(0)
        process = start_warm(kind, words, environment, stdout=out, stderr=err, stdin=given)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill_group()
            process.wait()
            raise CommandError(f"`{kind} {' '.join(words)}` was killed after its limit of {limit_s:g} s") from None
        return Completed((kind, *words), code, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


@cache
def _template(kind: Kind) -> socket.socket:
    """Return the socket of the program to fork; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", _TEMPLATE, kind],
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
