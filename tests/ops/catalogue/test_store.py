"""The catalogue's file: whole or not at all, every edit undone to the byte, whoever is killed in between."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.catalogue.errors import CatalogueBusyError, CatalogueError
from ops.catalogue.store import KEPT, Store
from ops.core.files import write_atomic
from ops.core.locks import lock
from ops.core.process import run
from tests.mounts import small_disk

A, B, C = b"version: 1\r\n# \xc3\xa4", b"version: 1\nsync: []\n", b"version: 1\nsync:\n"

# Makes an edit, an undo or a redo, and kills itself before or after the n-th step that touches a file.
PROGRAM = """
import pathlib, sys
import ops.catalogue.store as subject
from tests.ops.deadly import Deadly

file, action, step, moment, number = pathlib.Path(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
deadly = Deadly(step, moment, number)

subject.write_atomic = deadly("write", subject.write_atomic)
pathlib.Path.unlink = deadly("unlink", pathlib.Path.unlink)
store = subject.Store(file)
match action:
    case "edit":
        store.write(store.read(), b"new")
    case "undo":
        store.undo()
    case _:
        store.undo(redo=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "catalogue.yml")


def write(store: Store, *contents: bytes) -> None:
    for content in contents:
        store.write(store.read(), content)


def test_undo_goes_back_edit_by_edit_and_redo_forth(store: Store) -> None:
    write(store, A, B, C)
    for content in (B, A, None):
        store.undo()
        assert store.read() == content
    with pytest.raises(CatalogueError, match="there is nothing to undo"):
        store.undo()
    for content in (A, B, C):
        store.undo(redo=True)
        assert store.read() == content
    with pytest.raises(CatalogueError, match="there is nothing to redo"):
        store.undo(redo=True)


def test_an_edit_after_an_undo_leaves_nothing_to_redo(store: Store) -> None:
    write(store, A, B)
    store.undo()
    write(store, C)
    with pytest.raises(CatalogueError, match="nothing to redo"):
        store.undo(redo=True)
    store.undo()
    assert store.read() == A


def test_an_edit_that_changes_nothing_is_none(store: Store) -> None:
    write(store, A, B, B)
    store.undo()
    assert store.read() == A


def test_the_last_edits_are_kept(store: Store) -> None:
    write(store, *(str(number).encode() for number in range(KEPT + 5)))
    for _ in range(KEPT):
        store.undo()
    assert store.read() == b"4"
    with pytest.raises(CatalogueError, match="there is nothing to undo"):
        store.undo()


def test_what_was_edited_by_hand_is_not_overwritten(store: Store) -> None:
    write(store, A)
    store.path.write_bytes(B)
    with pytest.raises(
        CatalogueBusyError, match=r"catalogue.yml was changed by somebody else just now; nothing was written: do it again"
    ):
        store.write(A, C)
    assert store.read() == B
    with pytest.raises(CatalogueBusyError, match="was changed by somebody else"):
        store.write(None, C)


def test_what_was_edited_by_hand_is_not_undone_unawares(store: Store) -> None:
    write(store, A, B)
    store.path.write_bytes(C)
    with pytest.raises(CatalogueError, match="was edited by hand since; --dry-run shows what would be lost, and --force undoes"):
        store.undo()
    assert store.last() == (C, A)
    store.undo(force=True)
    assert store.read() == A
    store.undo(redo=True)
    assert store.read() == C


def test_an_edit_by_hand_is_kept_by_the_next_one(store: Store) -> None:
    write(store, A)
    store.path.write_bytes(B)
    write(store, C)
    store.undo()
    assert store.read() == B


def test_mode_and_links_stay(tmp_path: Path) -> None:
    real = tmp_path / "here" / "catalogue.yml"
    write_atomic(real, A, mode=0o640)
    (tmp_path / "catalogue.yml").symlink_to(real)
    store = Store(tmp_path / "catalogue.yml")
    write(store, B)
    assert (tmp_path / "catalogue.yml").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    (kept,) = (real.parent / ".catalogue.backups" / "done").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640, "there may be passwords in it"
    store.undo()
    assert real.read_bytes() == A
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_root_leaves_everything_to_its_owner(store: Store) -> None:
    os.chown(store.path.parent, 4321, 4322)
    write(store, A, B)
    os.chown(store.path, 5321, 5322)
    write(store, C)
    store.undo()
    assert (store.path.stat().st_uid, store.path.stat().st_gid) == (5321, 5322)
    assert {path.stat().st_uid for path in (store.folder, *store.folder.rglob("*"))} == {4321}


def test_several_catalogues_in_a_folder_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "one.yml"), Store(tmp_path / "other.yml")
    write(one, A, B)
    write(other, C)
    one.undo()
    assert (one.read(), other.read()) == (A, C)


def test_writers_wait_for_each_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, A)
    with lock(store.folder / "lock", "another"):
        waiting = threading.Thread(target=write, args=(store, B))
        waiting.start()
        waiting.join(0.3)
        assert store.read() == A
        monkeypatch.setattr("ops.catalogue.store._PATIENCE_S", 0.0)
        with pytest.raises(
            CatalogueBusyError, match=rf"process {os.getpid()} .* has been writing catalogue.yml for over 0 s; kill it"
        ) as caught:
            store.write(A, C)
        assert caught.value.exit_code == 75
    waiting.join()
    assert store.read() == B


STEPS = [
    *(("edit", "write", moment, number) for moment in ("before", "after") for number in (1, 2)),
    *(("edit", "unlink", moment, 1) for moment in ("before", "after")),
    *((action, "write", moment, number) for action in ("undo", "redo") for moment in ("before", "after") for number in (1, 2)),
    *((action, "unlink", moment, 1) for action in ("undo", "redo") for moment in ("before", "after")),
]


@pytest.mark.parametrize(("action", "step", "moment", "number"), STEPS)
def test_a_kill_at_any_step_leaves_one_state_or_the_next(store: Store, action: str, step: str, moment: str, number: int) -> None:
    write(store, A, B, C)
    if action != "undo":
        store.undo()
    now, then = store.read(), {"edit": b"new", "undo": B, "redo": C}[action]
    argv = [sys.executable, "-c", PROGRAM, str(store.path), action, step, moment, str(number)]
    ended = run(argv, timeout=60, cwd=PROJECT_FOLDER, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    left = store.read()
    assert left == (then if step == "unlink" or (moment, number) == ("after", 2) else now)
    if action == "redo" and left == then:
        store.undo()
        assert store.read() == now
        return
    # Whoever was killed does it again, and all of it can be undone: A, perhaps with a step in between.
    if left == now:
        write(store, b"new") if action == "edit" else store.undo(redo=action == "redo")
        assert store.read() == then
    seen = []
    while store.read() != A:
        store.undo()
        seen.append(store.read())
    assert seen == ([A] if action == "undo" else [B, A])


@pytest.mark.system
def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="64k", inodes=0) as disk:
        store = Store(disk / "catalogue.yml")
        write(store, b"a" * 9000, b"b" * 9000)
        with pytest.raises(OSError, match="No space left"):
            write(store, b"c" * 60_000)
        assert store.read() == b"b" * 9000
        store.undo()
        assert store.read() == b"a" * 9000
