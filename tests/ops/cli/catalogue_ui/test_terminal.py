"""`regops catalogue ui` in a real terminal: it begins, obeys keys, and gives the terminal back however it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.paths import PROJECT_FOLDER
from ops.cli.app import app
from ops.cli.catalogue_screen import NoScreenError
from tests.ops.cli.catalogue_ui.pilots import TEXT, mirroring

pytestmark = pytest.mark.system
_LIMIT_S = 60.0
# The screen from before comes back, and the cursor.
BACK = (b"\x1b[?1049l", b"\x1b[?25h")


@dataclass
class Terminal:
    """A terminal with a program in it."""

    program: subprocess.Popen[bytes]
    end: int
    shown: bytes = b""

    def until(self, wanted: bytes) -> None:
        """Wait until something was shown."""
        give_up = time.monotonic() + _LIMIT_S
        while wanted not in self.shown:
            assert time.monotonic() < give_up, self.shown[-2000:]
            self._read(0.2)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.end, keys.encode())

    def ended(self) -> int:
        """Wait for its end; return the exit code."""
        give_up = time.monotonic() + _LIMIT_S
        while self.program.poll() is None:
            assert time.monotonic() < give_up, self.shown[-2000:]
            self._read(0.2)
        while self._read(0.2):
            pass
        return self.program.returncode

    def _read(self, seconds: float) -> bool:
        if not select.select([self.end], [], [], seconds)[0]:
            return False
        try:
            told = os.read(self.end, 65536)
        except OSError:  # its other end is closed
            return False
        self.shown += told
        return bool(told)


@contextmanager
def terminal(*words: str | Path) -> Iterator[Terminal]:
    """Run `regops` in a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLORTERM": "truecolor"}
    program = subprocess.Popen(
        # Where tests run in a shell's background, SIGINT is ignored, and programs would inherit that.
        ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "ops.cli", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=PROJECT_FOLDER,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(program, ours)
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def test_it_obeys_keys_and_gives_the_terminal_back(file: Path) -> None:
    with terminal("catalogue", "--file", file, "ui", "--offline") as one:
        one.until(b"library/postgres")
        one.press("d")
        one.until(b"Its images stay here")
        one.press("y")
        one.until(b"removed")
        one.press("q")
        assert one.ended() == 0, one.shown[-2000:]
        assert all(mark in one.shown for mark in BACK)
    assert "postgres" not in file.read_text()


@pytest.mark.parametrize(
    ("keys", "shown"), [("", "library/postgres"), ("d", "images stay"), ("\r", "Tags to copy"), ("s", "Codeberg")]
)
def test_a_signal_ends_it_and_gives_the_terminal_back(file: Path, keys: str, shown: str) -> None:
    with terminal("catalogue", "--file", file, "ui", "--offline") as one:
        one.until(b"library/postgres")
        one.press(keys)
        one.until(shown.encode())
        one.program.send_signal(signal.SIGTERM)
        assert one.ended() == 143, one.shown[-2000:]
        assert all(mark in one.shown for mark in BACK)
        assert b"Traceback" not in one.shown
    assert file.read_text() == TEXT


def test_without_a_terminal_it_names_what_programs_use(file: Path) -> None:
    told = CliRunner().invoke(app, ["catalogue", "ui", "--file", str(file)])
    assert isinstance(told.exception, NoScreenError)
    assert "regops catalogue --json" in str(told.exception)


@pytest.mark.parametrize(
    ("checkout", "remedy"),
    [
        (True, "`make setup` in the checkout installs it"),
        (False, "pip install --require-hashes --target {root}/ui --requirement "),
    ],
)
def test_without_textual_it_says_how_to_install_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, checkout: bool, remedy: str
) -> None:
    monkeypatch.setattr("ops.cli.catalogue_screen.at_terminal", lambda: True)
    monkeypatch.setattr("ops.cli.catalogue_screen.find_spec", lambda _: None)
    monkeypatch.setenv("REGOPS_CHECKOUT", str(tmp_path) if checkout else "")
    told = CliRunner().invoke(app, ["--root", str(tmp_path), "catalogue", "ui", "--file", str(file)])
    assert isinstance(told.exception, NoScreenError)
    assert remedy.format(root=tmp_path) in str(told.exception)
    named = str(told.exception).rpartition(" ")[2]
    assert checkout or Path(named).read_text().count("textual==") == 1


def test_a_host_finds_what_was_installed_beside_its_releases(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ui").mkdir()
    monkeypatch.setattr("ops.cli.catalogue_screen.at_terminal", lambda: True)
    monkeypatch.setattr("ops.cli.catalogue_screen.find_spec", lambda _: str(tmp_path / "ui") == sys.path[-1] or None)
    monkeypatch.setattr("ops.cli.catalogue_ui.app.CatalogueApp.run", lambda _: None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    told = CliRunner().invoke(app, ["--root", str(tmp_path), "catalogue", "ui", "--file", str(file)])
    assert told.exit_code == 0, told.exception


def test_whoever_quits_need_not_wait_for_a_registry_that_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        root = tmp_path / "host"
        mirroring(root, f"127.0.0.1:{silent.getsockname()[1]}")
        with terminal("--root", root, "catalogue", "ui") as one:
            one.until(b"library/postgres")
            one.press("p")
            one.until(b"Asking the registries")
            one.press("q")
            time.sleep(0.5)
            one.press("q")
            one.until(b"waiting for registries that were asked for the plan")
            began = time.monotonic()
            one.program.send_signal(signal.SIGINT)
            assert one.ended() == 130, one.shown[-2000:]
            assert time.monotonic() - began < 5
