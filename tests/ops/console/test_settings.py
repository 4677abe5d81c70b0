"""The settings of `regops`: a running console takes them in when it is told to, and keeps what it had when they are wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ops.config import REGOPS_FILE, SETTINGS_REFUSED, SETTINGS_TAKEN_IN, ConsoleConfig, render
from ops.core.files import write_atomic
from ops.host.releases import point
from tests.free_ports import free_port
from tests.ops.console.console_rig import REGISTRY, Furnished


class Running:
    """A console that runs, and the copies that it reads."""

    def __init__(self, root: Path) -> None:
        self.stack, self.root, self._log = Furnished(root), root, root / "console.log"
        port = free_port()
        config = ConsoleConfig(
            listen_host="127.0.0.1",
            listen_port=port,
            root=root,
            title="Test registry",
            registry=REGISTRY,
            registry_url="http://127.0.0.1:9",
        )
        write_atomic(root / "console.json", render(config))
        self.url = f"http://127.0.0.1:{port}/console/healthz"
        words = [sys.executable, "-m", "ops.console", "--config", str(root / "console.json")]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    def known(self) -> str:
        """The stack's name, as it knows it; empty before it listens."""
        try:
            name: str = httpx.get(self.url).json()["stack"]
        except httpx.TransportError:
            return ""
        return name

    def ship(self, text: str) -> None:
        """Bring another copy, as `up` does."""
        name = f"regops-{len(list(self.root.glob('live/regops/*')))}"
        write_atomic(self.root / "live/regops" / name / REGOPS_FILE.rpartition("/")[2], text)
        point(self.root / "live/regops/current", name)

    def tell(self, said: str) -> None:
        """Tell it that it has changed; wait until it has said something."""
        before = self._log.read_text().count(said)
        os.kill(self.process.pid, signal.SIGUSR1)
        until(lambda: self._log.read_text().count(said) > before)


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    try:
        until(made.known)
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_a_running_console_takes_them_in_when_it_is_told(running: Running) -> None:
    assert running.known() == "test"
    running.ship(render(running.stack.stack.config.model_copy(update={"stack": "other"})))
    assert running.known() == "test", "it may be too old to understand them"
    running.tell(SETTINGS_TAKEN_IN)
    assert running.known() == "other"
    running.ship('{"of": "the future"}')
    running.tell(SETTINGS_REFUSED)
    assert running.known() == "other"
    assert running.process.poll() is None
