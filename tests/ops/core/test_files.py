"""Atomic files: the old or the new content, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.core.files import write_atomic, write_once
from ops.core.process import run

OLD, NEW = "old " * 50_000, "new " * 50_000


def names(folder: Path) -> list[str]:
    """Return the names of all files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_content_mode_and_parents_are_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    old_mask = os.umask(0o077)
    try:
        write_atomic(path, "ä\n")
    finally:
        os.umask(old_mask)
    assert path.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_atomic(path, b"\xff", mode=0o600)
    assert path.read_bytes() == b"\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["file"]


def test_the_mode_is_set_before_the_content_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    set_mode = os.fchmod

    def look(handle: int, mode: int) -> None:
        before = os.fstat(handle)
        seen.append((oct(stat.S_IMODE(before.st_mode)), before.st_size))
        set_mode(handle, mode)

    monkeypatch.setattr(os, "fchmod", look)
    old_mask = os.umask(0)
    try:
        write_atomic(tmp_path / "secret", "content", mode=0o640)
    finally:
        os.umask(old_mask)
    assert seen == [("0o600", 0)], "nobody else could have opened it before"


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    path, link = tmp_path / "below" / "file", tmp_path / "below" / "link"
    write_once(path, "first", mode=0o640)
    link.symlink_to(tmp_path / "elsewhere")
    for there in (path, link):
        with pytest.raises(FileExistsError):
            write_once(there, "second")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), path.stat().st_nlink) == ("first", 0o640, 1)
    assert names(path.parent) == ["file", "link"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("target")
    link.symlink_to(target)
    write_atomic(link, "new")
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("target", "new", False)


@pytest.mark.parametrize(("owner", "call"), [(os, "fsync"), (Path, "replace")])
def test_a_full_disk_leaves_the_old_content_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, call: str
) -> None:
    path = tmp_path / "file"
    write_atomic(path, OLD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, NEW)
    assert path.read_text() == OLD
    assert names(tmp_path) == ["file"]


def test_a_file_that_gets_too_large_leaves_the_old_content_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, OLD)
    code = f"""
import resource, signal
from pathlib import Path
from ops.core.files import write_atomic
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write_atomic(Path({str(path)!r}), "n" * 200_000)
"""
    completed = run([sys.executable, "-c", code], timeout=30, check=False)
    assert "File too large" in completed.stderr
    assert path.read_text() == OLD
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        write_atomic(tmp_path / "file" / "below", "content")
    assert (tmp_path / "file").read_text() == "a file"


def test_readers_see_the_old_or_the_new_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, OLD)
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        write_atomic(path, NEW if number % 2 else OLD)
    done.set()
    reader.join()
    assert seen <= {OLD, NEW}


def test_kill_9_leaves_the_old_or_the_new_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, OLD)
    code = f"""
from pathlib import Path
from ops.core.files import write_atomic
print("go", flush=True)
while True:
    write_atomic(Path({str(path)!r}), "new " * 50_000)
    write_atomic(Path({str(path)!r}), "old " * 50_000)
"""
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            writer.stdout.readline()
            time.sleep(0.013 * attempt)
            writer.kill()
        assert path.read_text() in {OLD, NEW}
    for rest in tmp_path.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            rest.unlink()
    assert names(tmp_path) == ["file"], "what is left over is hidden and named as temporary"
