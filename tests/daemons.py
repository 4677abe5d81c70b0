"""A second Docker engine for tests: empty, without networks, apart from the machine's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.docker_engine import fault_of
from bootstrap.dockerd import Daemon
from offline.debian import find_program
from ops.process import run


@dataclass(frozen=True)
class SecondEngine:
    """Where a second engine lives; it does not run yet."""

    folder: Path
    daemon: Daemon

    @property
    def address(self) -> str:
        """Its DOCKER_HOST."""
        return f"unix://{self.folder}/docker.sock"

    def answers(self) -> bool:
        """Return whether it runs."""
        return fault_of(self.address) is None

    def pids(self) -> list[int]:
        """Return the ids of its dockerd and containerd, as far as their pid files name such processes."""
        names = {self.daemon.pid_file: "dockerd", self.daemon.containerd_pid_file: "containerd"}
        return [pid for file, name in names.items() if (pid := _pid(file, name))]

    def kill(self) -> None:
        """End it as a power cut does."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        _wait_for_end(self, 10)


@contextlib.contextmanager
def second_engine() -> Iterator[SecondEngine]:
    """Give a second engine, ended and removed at the end; skip the test where this user cannot run one."""
    dockerd = find_program("dockerd")
    if os.geteuid() != 0 or dockerd is None:
        pytest.skip("a second Docker engine needs root and dockerd")
    # A short path: sockets below it may have 108 characters.
    folder = Path(tempfile.mkdtemp(prefix="pr-"))
    arguments = {
        "--config-file": folder / "daemon.json",
        "--host": f"unix://{folder}/docker.sock",
        "--data-root": folder / "data",
        "--exec-root": folder / "exec",
        "--pidfile": folder / "docker.pid",
        "--bridge": "none",
        "--iptables": "false",
        "--ip6tables": "false",
    }
    (folder / "daemon.json").write_text("{}")
    daemon = Daemon(
        program=dockerd,
        log=folder / "log" / "dockerd.log",
        pid_file=folder / "docker.pid",
        containerd_pid_file=folder / "exec" / "containerd" / "containerd.pid",
        containerd_socket=folder / "system-containerd.sock",
        arguments=tuple(f"{name}={value}" for name, value in arguments.items()),
    )
    engine = SecondEngine(folder, daemon)
    try:
        yield engine
    finally:
        for pid in engine.pids()[:1]:
            os.kill(pid, signal.SIGTERM)  # dockerd ends the containerd that it has started
        if not _wait_for_end(engine, 20):
            engine.kill()
        # Each start mounts the data folder on itself, and leaves it so.
        while run(["umount", folder / "data"], timeout=30.0, check=False).returncode == 0:
            pass
        shutil.rmtree(folder)


def _pid(file: Path, name: str) -> int | None:
    """Return the id in a pid file while that program lives."""
    try:
        pid = int(file.read_text())
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # a child of ours stays a zombie until then
        return pid if Path(f"/proc/{pid}/comm").read_text().strip() == name else None
    except (OSError, ValueError):
        return None


def _wait_for_end(engine: SecondEngine, limit: float) -> bool:
    give_up = time.monotonic() + limit
    while engine.pids():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.1)
    return True
