"""Runs one command the way the official plugin does: output collected, shown while it runs, and all of it in the error."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.session import Log

_CANCEL_POLL_S = 0.2


@dataclass(frozen=True)
class Call:
    """What to run.

    Attributes:
        interpreter: Its arguments; the command comes last.
        command: What the interpreter gets.
        folder: Working folder; the program's own when None.
        environment: Beside the engine's own.
        stdin: Text for standard input.
    """

    interpreter: Sequence[str]
    command: str
    folder: str | None
    environment: dict[str, str]
    stdin: str


@dataclass(frozen=True)
class Output:
    """What a command wrote, without the last line break."""

    stdout: str
    stderr: str


def run_command(call: Call, *, shown: frozenset[str], log: Log, cancelled: threading.Event) -> Output:
    """Run a command to its end.

    Args:
        call: What to run.
        shown: Which of `stdout` and `stderr` go to the log line by line.
        log: Receives those lines.
        cancelled: Ends the command.

    Raises:
        PluginError: It failed. As with the official plugin the message has the command and all of its output, secret or not.
    """
    together: list[bytes] = []
    # Not by ops.core.process: both outputs are needed apart, together in order, and live.
    try:
        process = subprocess.Popen(
            [*call.interpreter, call.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=call.folder,
            env={**os.environ, **call.environment},
        )
    except OSError as error:
        raise PluginError(failure_text(_start_error(call, error), call.command, together)) from error
    with process:
        pipes: dict[str, IO[bytes] | None] = {"stdout": process.stdout, "stderr": process.stderr}
        readers = [_Reader(pipe, together, log if name in shown else None) for name, pipe in pipes.items() if pipe]
        feeder = threading.Thread(target=_feed, args=(process.stdin, call.stdin.encode()), daemon=True)
        feeder.start()
        while not _ended(process):
            if cancelled.is_set():
                process.kill()
        for reader in readers:
            reader.join()
    if process.returncode != 0:
        raise PluginError(failure_text(_exit_error(process.returncode), call.command, together))
    stdout, stderr = (reader.text(call) for reader in readers)
    return Output(stdout, stderr)


class _Reader(threading.Thread):
    """Collects one output, line by line."""

    def __init__(self, pipe: IO[bytes], together: list[bytes], log: Log | None) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._together = together
        self._log = log
        self._lines: list[bytes] = []
        self.start()

    def run(self) -> None:
        for line in self._pipe:
            self._lines.append(line)
            self._together.append(line)
            if self._log:
                self._log(line.decode(errors="replace").rstrip("\r\n"))

    def text(self, call: Call) -> str:
        try:
            return b"".join(self._lines).decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise PluginError(f"output contains invalid UTF-8: running {_quoted(call.command)}") from None


def _feed(pipe: IO[bytes] | None, text: bytes) -> None:
    # A command may end without reading.
    with contextlib.suppress(BrokenPipeError):
        if pipe:
            with pipe:
                pipe.write(text)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_CANCEL_POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _start_error(call: Call, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    if call.folder is not None and not Path(call.folder).is_dir():
        return f"chdir {call.folder}: {reason}"
    program = call.interpreter[0]
    if isinstance(error, FileNotFoundError) and "/" not in program:
        return f'exec: "{program}": executable file not found in $PATH'
    return f"fork/exec {program}: {reason}"


def _exit_error(code: int) -> str:
    if code > 0:
        return f"exit status {code}"
    return f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"


def failure_text(reason: str, command: str, output: Sequence[bytes]) -> str:
    """Return the error of a command that failed: all of the command and of its output, whatever `logging` says."""
    return f"{reason}: running {_quoted(command)}:\n{b''.join(output).decode(errors='replace')}"


def _quoted(command: str) -> str:
    return json.dumps(command, ensure_ascii=False)
