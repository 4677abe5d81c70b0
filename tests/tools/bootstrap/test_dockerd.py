"""A real second dockerd: started, started again after a power cut, and its failure told."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ops.core.locks import hold
from ops.core.process import run
from tests.daemons import SecondEngine, second_engine
from tools.bootstrap import dockerd as subject
from tools.bootstrap.dockerd import start_dockerd
from tools.bootstrap.errors import SetupError

pytestmark = pytest.mark.system


@pytest.fixture
def engine() -> Iterator[SecondEngine]:
    with second_engine() as engine:
        yield engine


@pytest.fixture
def docker0() -> Iterator[Path]:
    """The default bridge of the machine's own engine; one in its place where that has none."""
    there = Path("/sys/class/net/docker0")
    if there.exists():
        yield there
        return
    run(["ip", "link", "add", there.name, "type", "bridge"], timeout=30)
    yield there
    run(["ip", "link", "delete", there.name], timeout=30, check=False)


def test_it_starts_and_starts_again_after_a_power_cut(engine: SecondEngine) -> None:
    start_dockerd(engine.daemon, engine.answers)
    assert engine.answers()
    engine.kill()
    assert not engine.answers()
    # The ids in what is left belong to other programs by now: here to this test.
    for file in (engine.daemon.pid_file, engine.daemon.containerd_pid_file):
        assert file.exists()
        file.write_text(str(os.getpid()))
    _leave_socket(engine)
    start_dockerd(engine.daemon, engine.answers)
    assert engine.answers()
    assert len(engine.pids()) == 2
    assert not engine.daemon.containerd_socket.exists()
    assert engine.daemon.log.with_name("dockerd.log.1").read_text()


def test_a_second_one_leaves_the_machines_own_its_bridge(engine: SecondEngine, docker0: Path) -> None:
    start_dockerd(engine.daemon, engine.answers)
    assert docker0.exists()


def test_it_starts_again_although_nobody_waited_for_the_killed_one(engine: SecondEngine) -> None:
    start_dockerd(engine.daemon, engine.answers)
    dockerd, _ = engine.pids()
    os.kill(dockerd, signal.SIGKILL)  # a zombie from now on, since this test is its parent
    start_dockerd(engine.daemon, engine.answers)
    assert engine.answers()


def test_a_containerd_that_is_just_ending_is_not_counted_on(engine: SecondEngine) -> None:
    engine.daemon.containerd_pid_file.parent.mkdir(parents=True)
    ending = engine.folder / "containerd"
    shutil.copy("/bin/sleep", ending)
    with subprocess.Popen([ending, "3"]) as orphan:
        engine.daemon.containerd_pid_file.write_text(str(orphan.pid))
        start_dockerd(engine.daemon, engine.answers)
    assert engine.answers()


def test_runs_at_once_start_one_engine(engine: SecondEngine) -> None:
    engine.daemon.log.parent.mkdir()
    engine.daemon.log.write_text("of the run before\n")
    all_there = threading.Barrier(4)

    def start() -> None:
        all_there.wait()
        start_dockerd(engine.daemon, engine.answers)

    with ThreadPoolExecutor(all_there.parties) as pool:
        for run in [pool.submit(start) for _ in range(all_there.parties)]:
            run.result()
    assert engine.answers()
    assert len(engine.pids()) == 2
    # One rotation, by the run that started it.
    assert engine.daemon.log.with_name("dockerd.log.1").read_text() == "of the run before\n"


def test_a_run_does_not_wait_for_ever_for_another(engine: SecondEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_TURN_LIMIT_S", 0.5)
    with (
        hold(engine.daemon.log.with_suffix(".lock"), "starting dockerd", refusal=lambda _: AssertionError()),
        pytest.raises(SetupError, match=rf"process {os.getpid()} .* has been starting dockerd for over"),
    ):
        start_dockerd(engine.daemon, engine.answers)
    assert not engine.pids()


def test_an_engine_that_does_not_start_is_told_with_its_log(engine: SecondEngine) -> None:
    broken = replace(engine.daemon, arguments=(*engine.daemon.arguments, "--storage-driver=no-such-driver"))
    with pytest.raises(SetupError, match=r"(?s)dockerd does not start.*dockerd\.log.*no-such-driver"):
        start_dockerd(broken, engine.answers)


def test_waiting_has_an_end(engine: SecondEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_START_LIMIT_S", 2.0)
    with pytest.raises(SetupError, match="does not answer after 2 s"):
        start_dockerd(engine.daemon, lambda: False)


def _leave_socket(engine: SecondEngine) -> None:
    """Leave a socket on which nobody listens any more."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(engine.daemon.containerd_socket))
