"""Starts dockerd on a Linux machine without an init system, even after a crash that left its files behind."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.core.locks import Holder, hold, stuck
from ops.core.process import start_daemon
from tools.bootstrap.errors import SetupError
from tools.bootstrap.processes import is_running

_START_LIMIT_S = 90.0
# Longer than a start that fails in the end, and shorter than two.
_TURN_LIMIT_S = 120.0
_ORPHAN_LIMIT_S = 10.0
_POLL_S = 0.2
_TAIL_LINES = 20


@dataclass(frozen=True)
class Daemon:
    """A dockerd and the files by which it tells whether it is already running.

    Attributes:
        program: The program to start.
        log: Receives its output.
        pid_file: Holds its own process id.
        containerd_pid_file: Holds the process id of the containerd that it starts.
        containerd_socket: The system's containerd, which it uses instead when the socket exists.
        arguments: Command line arguments.
    """

    program: Path
    log: Path
    pid_file: Path = Path("/var/run/docker.pid")
    containerd_pid_file: Path = Path("/var/run/docker/containerd/containerd.pid")
    containerd_socket: Path = Path("/run/containerd/containerd.sock")
    arguments: tuple[str, ...] = ()


def start_dockerd(daemon: Daemon, answers: Callable[[], bool]) -> None:
    """Start dockerd in the background, unless one is starting already, and wait until it answers.

    Runs that find none at the same moment start one: they take turns, and those that waited find it answering.

    Args:
        daemon: What to start.
        answers: Whether the engine answers.

    Raises:
        SetupError: It exited or does not answer in time, the message holds the end of its log; or another run has been starting
            it for longer than that.
        CommandError: The program cannot be started.
        OSError: The folder of its log cannot be written.
    """

    def refusal(holder: Holder | None) -> SetupError:
        return SetupError(stuck(holder, "starting dockerd", _TURN_LIMIT_S))

    with hold(daemon.log.with_suffix(".lock"), "starting dockerd", refusal=refusal, patience=_TURN_LIMIT_S):
        _start_alone(daemon, answers)


def _start_alone(daemon: Daemon, answers: Callable[[], bool]) -> None:
    own = None
    give_up = time.monotonic() + _START_LIMIT_S
    while not answers():
        if not _runs(daemon.pid_file, "dockerd"):
            if own is None:
                own = _start(daemon)
            # Somebody may have started one by hand: then ours exits and theirs answers soon.
            elif _ended(own):
                raise SetupError(f"dockerd does not start; its log {daemon.log} ends with:\n{_tail(daemon.log)}")
        if time.monotonic() > give_up:
            raise SetupError(
                f"dockerd does not answer after {_START_LIMIT_S:.0f} s; its log {daemon.log} ends with:\n{_tail(daemon.log)}"
            )
        time.sleep(_POLL_S)


def _start(daemon: Daemon) -> int:
    _remove_stale_files(daemon)
    if daemon.log.exists():
        daemon.log.replace(daemon.log.with_name(f"{daemon.log.name}.1"))
    return start_daemon([daemon.program, *daemon.arguments], log=daemon.log)


def _remove_stale_files(daemon: Daemon) -> None:
    """Remove files that a crash left: dockerd takes any process with the id in its pid file for a running engine."""
    _await_orphan(daemon)
    for file, name in ((daemon.pid_file, "dockerd"), (daemon.containerd_pid_file, "containerd")):
        if not _runs(file, name):
            file.unlink(missing_ok=True)
    if daemon.containerd_socket.is_socket() and not _listens(daemon.containerd_socket):
        daemon.containerd_socket.unlink()


def _await_orphan(daemon: Daemon) -> None:
    """Wait for the containerd of a killed dockerd to exit: it does so a little later, and a new dockerd would rely on it."""
    give_up = time.monotonic() + _ORPHAN_LIMIT_S
    while _runs(daemon.containerd_pid_file, "containerd") and time.monotonic() < give_up:
        time.sleep(_POLL_S)


def _runs(pid_file: Path, name: str) -> bool:
    """Return whether a pid file names a live process of that program."""
    try:
        return is_running(int(pid_file.read_text()), name)
    except (OSError, ValueError):
        return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG) != (0, 0)
    except ChildProcessError:  # waited for before
        return True


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    except OSError:
        return "(there is no log)"
