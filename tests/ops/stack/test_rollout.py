"""A registry that is replaced: clients push and pull through the real edge all the time, and nothing is refused."""

from __future__ import annotations

import itertools
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from signal import Signals

import httpx
import pytest

from ops.core.labels import SERVICE_LABEL
from ops.stack.rollout import stop
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.ops.tasks.gc.gc_rig import Client, Image, configure, started
from tests.stack_components.edge.whole import running_before

pytestmark = pytest.mark.system

TIMES, CLIENTS = 6, 3


@dataclass
class Container:
    """A STAND-IN for a container: a process of this host, with what Docker's library says and does.

    Attributes:
        process: The process.
        read_only: The file that turns on read-only mode.
        held: Whether that was there when the process was told to end.
        labels: Its labels.
    """

    process: subprocess.Popen[bytes]
    read_only: Path
    held: bool = False
    labels: dict[str, str] = field(default_factory=lambda: {SERVICE_LABEL: "registry"})

    @property
    def status(self) -> str:
        return "running" if self.process.poll() is None else "exited"

    def reload(self) -> None:
        """It is never out of date."""

    def kill(self, signal: str) -> None:
        self.held = self.read_only.exists()
        self.process.send_signal(Signals[signal])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def refused(url: str, number: int, over: threading.Event) -> list[str]:
    """Push and pull until it is over, or something is refused; return what was."""
    with httpx.Client(timeout=60) as http:
        client, repository = Client(url, http), f"team/{number}"
        for count in itertools.count():
            pushed = client.push(repository, "v1", Image(f"{number} {count}", layers=1))
            if pushed.status_code != HTTPStatus.CREATED:
                return [f"{pushed.request.method} {pushed.request.url}: {pushed.text}"]
            problems = client.pull(repository, "v1")
            if problems or over.is_set():
                return problems
    raise AssertionError("it counts for ever")


def test_nothing_is_refused_while_the_registry_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "registry-rig").mkdir()
    port, _ = configure(tmp_path / "registry-rig", settings={})
    file = tmp_path / "registry-rig" / "registry.yml"
    file.write_text(file.read_text().replace("http:\n", "http:\n  draintimeout: 30s\n"))
    over = threading.Event()

    def running() -> subprocess.Popen[bytes]:
        process = started(tmp_path / "registry-rig")
        wait_until_up(f"http://127.0.0.1:{port}/", process)
        return process

    process = running()
    with running_before(tmp_path, f"http://127.0.0.1:{port}") as edge, ThreadPoolExecutor() as threads:
        clients = [threads.submit(refused, edge.url, number, over) for number in range(CLIENTS)]
        try:
            for _ in range(TIMES):
                container = Container(process, edge.read_only_file)
                stop(edge.folder, container)  # type: ignore[arg-type]
                assert (container.held, process.returncode) == (True, 0), "it finished what it was at"
                process = running()
                over.wait(0.2)
            over.set()
            assert [client.result() for client in clients] == [[]] * CLIENTS
        finally:
            over.set()
            process.kill()
            process.wait()
        assert not edge.read_only_file.exists()
