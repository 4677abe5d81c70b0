"""The build cache survives kill -9, failed builds and two runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra import cache as subject
from infra.cache import CacheBusyError, cached, digest

# Another process that builds an entry: it writes half of it, says so, and goes on when it is told to.
_BUILDER = """
import sys
from pathlib import Path
from infra.cache import cached

def build(folder):
    (folder / "first").write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
    (folder / "second").write_text("whole")

cached(Path(sys.argv[1]), "entry", build, what="a thing")
"""


@contextmanager
def _builder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the other process up to the middle of its build."""
    with subprocess.Popen(
        [sys.executable, "-c", _BUILDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        yield process
        process.kill()


def _write(folder: Path) -> None:
    (folder / "second").write_text("mine")


def _refuse(folder: Path) -> None:
    raise AssertionError(f"built again in {folder}")


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    entry = cached(tmp_path / "new", "entry", _write, what="a thing")
    assert (entry / "second").read_text() == "mine"
    assert cached(tmp_path / "new", "entry", _refuse, what="a thing") == entry


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        _write(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        cached(tmp_path, "entry", fail, what="a thing")
    assert [path.name for path in tmp_path.iterdir()] == [".entry.lock"]
    assert cached(tmp_path, "entry", _write, what="a thing").is_dir()


def test_a_killed_build_is_done_again(tmp_path: Path) -> None:
    with _builder(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert len(list(tmp_path.glob(".entry.*.tmp"))) == 1
    entry = cached(tmp_path, "entry", _write, what="a thing")
    assert [path.name for path in entry.iterdir()] == ["second"]
    assert not list(tmp_path.glob(".entry.*.tmp"))


def test_the_second_run_waits_and_says_for_whom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _builder(tmp_path) as other:
        assert other.stdin is not None
        release = threading.Timer(1.0, lambda: other.stdin and (other.stdin.write("go\n"), other.stdin.flush()))
        release.start()
        entry = cached(tmp_path, "entry", _refuse, what="a thing")
        release.join()
        assert (entry / "second").read_text() == "whole"
        assert f"waiting for process {other.pid} (since " in capsys.readouterr().err


def test_two_steps_of_one_run_build_once_and_say_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = threading.Event()

    def build(folder: Path) -> None:
        started.set()
        time.sleep(0.5)
        _write(folder)

    other = threading.Thread(target=lambda: cached(tmp_path, "entry", build, what="a thing"))
    other.start()
    started.wait(20)
    assert (cached(tmp_path, "entry", _refuse, what="a thing") / "second").read_text() == "mine"
    other.join(20)
    assert "waiting" not in capsys.readouterr().err


def test_waiting_ends_when_the_builder_is_killed(tmp_path: Path) -> None:
    with _builder(tmp_path) as other:
        killer = threading.Timer(0.5, other.kill)
        killer.start()
        entry = cached(tmp_path, "entry", _write, what="a thing")
        killer.join()
    assert (entry / "second").read_text() == "mine"


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_LOCK_LIMIT_S", 0.5)
    with _builder(tmp_path) as other, pytest.raises(CacheBusyError, match=f"process {other.pid} .* has been building a thing"):
        cached(tmp_path, "entry", _refuse, what="a thing")


def test_entries_that_nobody_uses_are_dropped(tmp_path: Path) -> None:
    old, used = (cached(tmp_path, name, _write, what="a thing") for name in ("old", "used"))
    long_ago = time.time() - 91 * 24 * 3600
    for entry in (old, used):
        os.utime(entry, (long_ago, long_ago))
    cached(tmp_path, "used", _refuse, what="a thing")
    cached(tmp_path, "new", _write, what="a thing")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["new", "used"]


def test_a_digest_depends_on_content_and_not_on_order() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(digest([])) == 12
