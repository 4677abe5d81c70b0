"""Hot-reloaded parts: the folder that a running service has mounted stays the same, what is current in it changes in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.core.layout import CURRENT
from ops.host.provision import main
from ops.host.releases import PREVIOUS, install_hot_reloaded, install_release
from tests.ops.hosts import tarball, tree


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk of the whole machine would only make these tests slow."""
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def ship(root: Path, tmp_path: Path, digest: str, content: str) -> None:
    """Bring a release with one hot-reloaded part onto the host."""
    install_release(root, tarball(tmp_path, digest, {f"edge-{content}": content}))
    install_hot_reloaded(root, ["edge"])


def read(root: Path, link: str) -> str:
    return (root / "live" / "edge" / link / "sub" / "file").read_text()


def test_a_part_is_copied_and_current(root: Path, tmp_path: Path) -> None:
    for _ in range(2):
        ship(root, tmp_path, "d1", "one")
        assert tree(root / "live") == {
            "edge": "/",
            "edge/current": "-> edge-one",
            "edge/edge-one": "/",
            "edge/edge-one/sub": "/",
            "edge/edge-one/sub/file": "one",
        }


def test_the_folder_that_is_mounted_stays_and_the_one_before_is_kept(root: Path, tmp_path: Path) -> None:
    ship(root, tmp_path, "d1", "one")
    mounted = (root / "live" / "edge").stat().st_ino
    ship(root, tmp_path, "d2", "two")
    assert (read(root, CURRENT), read(root, PREVIOUS)) == ("two", "one")
    ship(root, tmp_path, "d3", "three")
    assert (read(root, CURRENT), read(root, PREVIOUS)) == ("three", "two")
    assert (root / "live" / "edge").stat().st_ino == mounted
    assert not (root / "live" / "edge" / "edge-one").exists()


def test_going_back_makes_the_old_one_current_again(root: Path, tmp_path: Path) -> None:
    for digest, content in (("d1", "one"), ("d2", "two"), ("d3", "one")):
        ship(root, tmp_path, digest, content)
    assert (read(root, CURRENT), read(root, PREVIOUS)) == ("one", "two")


def test_everybody_may_read_it(root: Path, tmp_path: Path) -> None:
    ship(root, tmp_path, "d1", "one")
    assert (root / "live" / "edge" / "edge-one").stat().st_mode & 0o777 == 0o755


def test_an_edited_copy_is_restored(root: Path, tmp_path: Path) -> None:
    ship(root, tmp_path, "d1", "one")
    (root / "live" / "edge" / CURRENT / "sub" / "file").write_text("edited by hand")
    install_hot_reloaded(root, ["edge"])
    assert read(root, CURRENT) == "one"


def test_a_full_disk_leaves_what_was_current(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(root, tmp_path, "d1", "one")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    install_release(root, tarball(tmp_path, "d2", {"edge-two": "two"}))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", full)
        with pytest.raises(OSError, match="No space"):
            install_hot_reloaded(root, ["edge"])
    assert read(root, CURRENT) == "one"
    install_hot_reloaded(root, ["edge"])
    assert read(root, CURRENT) == "two"
    assert [path.name for path in root.glob(".incoming-*")] == []


def test_the_command_names_what_is_missing(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install_release(root, tarball(tmp_path, "d1", {"edge-one": "one"}))
    assert main(["--root", str(root), "hot-reloaded", "edge"]) == 0
    assert main(["--root", str(root), "hot-reloaded", "other"]) == 1
    assert "ops.host.provision hot-reloaded: " in capsys.readouterr().err
