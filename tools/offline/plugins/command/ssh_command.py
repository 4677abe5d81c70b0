"""Runs one command over an SSH connection: output collected, shown while it runs, and all of it in the error."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass

import asyncssh

from tools.offline.plugins.command.shell import Output, failure_text
from tools.offline.plugins.resource import PluginError
from tools.offline.plugins.session import Log

_READ_BYTES = 64 * 1024
_HINT = (
    "Unable to set '{name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. "
    "Alternatively, if a Bash-like shell runs the command on the remote host, you could prefix the command itself with the "
    "variables in the form 'VAR=value command'"
)


@dataclass(frozen=True)
class RemoteCall:
    """What to run.

    Attributes:
        command: What the user's login shell gets.
        environment: Variables that the server must accept.
        previous: Variables that it may refuse.
        stdin: Text for standard input.
        shown: Which of `stdout` and `stderr` are shown line by line.
    """

    command: str
    environment: Mapping[str, str]
    previous: Mapping[str, str]
    stdin: str
    shown: frozenset[str]


async def run_remote(connection: asyncssh.SSHClientConnection, call: RemoteCall, *, log: Log, warn: Log) -> Output:
    """Run a command to its end; it is killed when this is cancelled.

    Args:
        connection: To the machine that it runs on.
        call: What to run.
        log: Receives the lines that are shown.
        warn: Is told of variables that the server refuses.

    Raises:
        PluginError: It failed. As with the official plugin the message has the command and all of its output, secret or not.
    """
    environment = await _accepted(connection, call, warn)
    together: list[bytes] = []
    process = await connection.create_process(call.command, env=environment, encoding=None)
    try:
        stdout, stderr, _ = await asyncio.gather(
            _collect(process.stdout, together, log if "stdout" in call.shown else None),
            _collect(process.stderr, together, log if "stderr" in call.shown else None),
            _feed(process.stdin, call.stdin.encode()),
        )
        await process.wait_closed()
    except asyncio.CancelledError:
        # OpenSSH refuses signals to root's sessions; then only the closed connection can end the command.
        with contextlib.suppress(OSError):  # it has ended meanwhile
            process.kill()
        raise PluginError(failure_text("context canceled", call.command, together)) from None
    if fault := _fault(process):
        raise PluginError(failure_text(fault, call.command, together))
    return Output(_text(stdout), _text(stderr))


async def _accepted(connection: asyncssh.SSHClientConnection, call: RemoteCall, warn: Log) -> dict[str, str]:
    """Return the variables to set, after asking the server which it accepts: it says nothing when it refuses one."""
    wanted = {**call.environment, **call.previous}
    if not wanted:
        return {}
    answer = await connection.run("env -0", env=wanted, encoding=None, check=False)
    listed = answer.stdout if isinstance(answer.stdout, bytes) else b""
    accepted = {entry.partition(b"=")[0].decode(errors="replace") for entry in listed.split(b"\0")}
    for name in wanted.keys() - accepted:
        warn(_HINT.format(name=name))
        if name in call.environment:
            raise PluginError(f'could not set environment variable "{name}": ssh: setenv failed')
    return {name: value for name, value in wanted.items() if name in accepted}


async def _collect(pipe: asyncssh.SSHReader[bytes], together: list[bytes], log: Log | None) -> bytes:
    chunks: list[bytes] = []
    begun = b""
    # A connection that breaks ends the output; that there is no exit status then tells it.
    with contextlib.suppress(asyncssh.Error):
        while chunk := await pipe.read(_READ_BYTES):
            chunks.append(chunk)
            together.append(chunk)
            if log:
                *lines, begun = (begun + chunk).split(b"\n")
                for line in lines:
                    log(_shown(line))
    if log and begun:
        log(_shown(begun))
    return b"".join(chunks)


async def _feed(pipe: asyncssh.SSHWriter[bytes], text: bytes) -> None:
    # A command may end without reading.
    with contextlib.suppress(OSError, asyncssh.Error):
        pipe.write(text)
        pipe.write_eof()
        await pipe.drain()


def _fault(process: asyncssh.SSHClientProcess[bytes]) -> str:
    if process.exit_signal:
        name, _, message, _ = process.exit_signal
        reason = f". Reason was: {message}" if message else ""
        return f"Process exited with status {128 + getattr(signal, f'SIG{name}', 0)} from signal {name}{reason}"
    if process.exit_status is None:
        return "wait: remote command exited without exit status or exit signal"
    return f"Process exited with status {process.exit_status}" if process.exit_status else ""


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _text(output: bytes) -> str:
    try:
        return output.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise PluginError("grpc: error while marshaling: string field contains invalid UTF-8") from None
