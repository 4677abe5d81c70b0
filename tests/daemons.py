"""A second Docker engine for tests: empty, without networks, separate from the machine's own."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ops.core.process import run
from tools.bootstrap.docker_engine import fault_of
from tools.bootstrap.dockerd import Daemon
from tools.offline.debian import find_program

_STOP_LIMIT_S = 20.0
_KILL_LIMIT_S = 10.0
_UNMOUNT_PATIENCE_S = 10.0
# An engine that is told to have no bridge removes docker0, which is that of the machine's own engine, unless it may not.
WITHOUT_NETWORKS = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")


@dataclass(frozen=True)
class SecondEngine:
    """A second engine that is not running yet."""

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
        """Return the ids of its processes, dockerd first."""
        return [process.pid for process in self._processes()]

    def stop(self) -> None:
        """Stop it as an administrator would, then kill what is left."""
        processes = self._processes()
        for process in processes[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()  # dockerd stops the containerd it started
        psutil.wait_procs(processes, timeout=_STOP_LIMIT_S)
        self.kill()

    def kill(self) -> None:
        """Kill it as a power cut would, including anything it starts meanwhile."""
        give_up = time.monotonic() + _KILL_LIMIT_S
        while processes := self._processes():
            assert time.monotonic() < give_up, f"{processes} cannot be killed"
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=1)

    def _processes(self) -> list[psutil.Process]:
        """Return the processes with its folder among their arguments: a dockerd that is still starting has no pid file."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(f"{self.folder}/" in word for word in process.cmdline()):
                    found.append(process)
        return sorted(found, key=psutil.Process.create_time)


@contextlib.contextmanager
def second_engine() -> Iterator[SecondEngine]:
    """Yield a second engine and remove it at the end; skip the test if this user cannot run one."""
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
    program = folder / "start"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([*WITHOUT_NETWORKS, str(dockerd)])} "$@"\n')
    program.chmod(0o755)
    daemon = Daemon(
        program=program,
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
        engine.stop()
        _unmount_below(folder)
        shutil.rmtree(folder)


def _unmount_below(folder: Path) -> None:
    """Unmount everything below a folder: each start of dockerd mounts the data folder on itself and leaves it mounted.

    What is busy gets some time, and is then taken out of sight until its last user goes.
    """
    patience = time.monotonic() + _UNMOUNT_PATIENCE_S
    give_up = patience + _UNMOUNT_PATIENCE_S
    while mounted := _mounted_below(folder):
        assert time.monotonic() < give_up, f"{mounted} cannot be unmounted"
        lazily = ["--lazy"] if time.monotonic() > patience else []
        refusals = [run(["umount", *lazily, path], timeout=30.0, check=False).returncode for path in reversed(mounted)]
        if any(refusals):
            time.sleep(0.2)


def _mounted_below(folder: Path) -> list[str]:
    """Return the mount points below a folder in mount order; a path occurs once per mount."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{folder}/")]
