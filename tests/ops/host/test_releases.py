"""Installing a release: in one step, again at any time, and without harm to what containers have mounted."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from ops.host.provision import remove
from ops.host.releases import _NEVER_IMPORTED, RELEASES_KEPT, install_release, prune
from tests.ops.hosts import tarball, tree


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk of the whole machine would only make these tests slow."""
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def test_a_release_is_installed_and_made_current(root: Path, tmp_path: Path) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x", "cache-1": "y"})
    for _ in range(2):
        assert install_release(root, release) == "d1"
        assert tree(root) == {
            "current": "-> releases/d1",
            "parts": "/",
            "parts/cache-1": "/",
            "parts/cache-1/sub": "/",
            "parts/cache-1/sub/file": "y",
            "parts/edge-1": "/",
            "parts/edge-1/sub": "/",
            "parts/edge-1/sub/file": "x",
            "releases": "/",
            "releases/d1": "/",
            "releases/d1/cache": "-> ../../parts/cache-1",
            "releases/d1/edge": "-> ../../parts/edge-1",
        }
    assert (root / "current" / "edge" / "sub" / "file").read_text() == "x"


def test_parts_that_are_there_stay_the_same_files(root: Path, tmp_path: Path) -> None:
    install_release(root, tarball(tmp_path, "d1", {"edge-1": "x"}))
    before = (root / "parts/edge-1").stat().st_ino, (root / "parts/edge-1/sub/file").stat().st_ino
    (root / "parts/edge-1/sub/__pycache__").mkdir()
    install_release(root, tarball(tmp_path, "d2", {"edge-1": "x", "cache-1": "y"}))
    assert ((root / "parts/edge-1").stat().st_ino, (root / "parts/edge-1/sub/file").stat().st_ino) == before


def test_modules_are_compiled_for_tasks_that_never_write_to_a_part(root: Path, tmp_path: Path) -> None:
    release = tarball(tmp_path, "d1", {"ops-1": "import sys; print(sys.argv[1:])"}, file="module.py")
    install_release(root, release, compiled=True)
    module = root / "current/ops/sub/module.py"
    compiled = Path(cache_from_source(str(module)))
    first = compiled.stat().st_ino, compiled.stat().st_mtime_ns
    install_release(root, release, compiled=True)
    assert (compiled.stat().st_ino, compiled.stat().st_mtime_ns) == first, "compiled again"
    told = run([sys.executable, "-B", "-v", "-m", "module", "x"], timeout=60, env={"PYTHONPATH": str(module.parent)})
    assert told.stdout == "['x']\n"
    assert f"matches {module}" in told.stderr
    # Sources of the same size and time are told apart.
    status = module.stat()
    module.write_text("import sys; print(sys.argv[:1])")
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = run([sys.executable, "-B", "-m", "module", "x"], timeout=60, env={"PYTHONPATH": str(module.parent)})
    assert again.stdout == f"['{module}']\n"


def test_what_runs_is_compiled() -> None:
    modules = [path.relative_to(PROJECT_FOLDER).with_suffix("") for path in PROJECT_FOLDER.glob("ops/**/*.py")]
    names = [".".join(module.parts) for module in modules if module.name != "__main__"]
    listed = f"import sys, importlib\nfor name in {names}: importlib.import_module(name)\nprint(*sys.modules.values(), sep='\\n')"
    imported = run([sys.executable, "-c", listed], timeout=60, cwd=PROJECT_FOLDER).stdout
    assert "/pydantic/main.py" in imported
    assert _NEVER_IMPORTED.search(imported) is None


def test_a_module_that_cannot_be_compiled_is_no_reason_to_stop(root: Path, tmp_path: Path) -> None:
    install_release(root, tarball(tmp_path, "d1", {"ops-1": "print 'of another Python'"}, file="module.py"), compiled=True)
    assert (root / "current/ops/sub/module.py").read_text() == "print 'of another Python'"


def test_current_is_never_missing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_release(root, tarball(tmp_path, "d1", {"edge-1": "x"}))
    replace, seen = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        seen.append(str((root / "current").readlink()))
        result = replace(self, target)
        seen.append(str((root / "current").readlink()))
        return result

    monkeypatch.setattr(Path, "replace", watched)
    monkeypatch.setattr(Path, "unlink", lambda self, **_: pytest.fail("removed") if self.name == "current" else None)
    install_release(root, tarball(tmp_path, "d2", {"edge-2": "x"}))
    assert seen == ["releases/d1", "releases/d2"]


def test_old_releases_go_and_parts_that_are_linked_stay(root: Path, tmp_path: Path) -> None:
    for number in range(8):
        parts = {"ops-1": "same", f"edge-{number // 2}": str(number // 2), f"cache-{number}": "own"}
        install_release(root, tarball(tmp_path, f"d{number}", parts))
        os.utime(root / f"releases/d{number}", (number, number))
    # d7 has been given an old date above, as a clock that is put back does; it is current all the same.
    install_release(root, tarball(tmp_path, "d8", {"ops-1": "same", "edge-4": "4", "cache-8": "own"}))
    assert len(list((root / "releases").iterdir())) == 9, "pruned while containers may still read them"
    prune(root)
    assert [path.name for path in sorted((root / "releases").iterdir())] == ["d4", "d5", "d6", "d7", "d8"]
    assert {path.name for path in (root / "parts").iterdir()} == {
        "ops-1",
        *(f"edge-{number}" for number in (2, 3, 4)),
        *(f"cache-{number}" for number in (4, 5, 6, 7, 8)),
    }
    assert len(list((root / "releases").iterdir())) == RELEASES_KEPT


def test_a_clock_that_went_back_does_not_cost_the_current_release(root: Path, tmp_path: Path) -> None:
    for number in range(RELEASES_KEPT):
        install_release(root, tarball(tmp_path, f"d{number}", {f"edge-{number}": "x"}))
        os.utime(root / f"releases/d{number}", (2**33, 2**33))
    install_release(root, tarball(tmp_path, "new", {"edge-new": "x"}))
    prune(root)
    assert (root / "current/edge/sub/file").read_text() == "x"
    assert len(list((root / "releases").iterdir())) == RELEASES_KEPT


def test_an_earlier_release_can_be_made_current_again(root: Path, tmp_path: Path) -> None:
    for digest in ("d1", "d2", "d1"):
        install_release(root, tarball(tmp_path, digest, {f"edge-{digest}": digest}))
    assert (root / "current/edge/sub/file").read_text() == "d1"


def test_an_interrupted_installation_is_completed(root: Path, tmp_path: Path) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x", "cache-1": "y"})
    install_release(root, release)
    whole = tree(root)
    (root / "current").unlink()
    (root / ".current.new").symlink_to("releases/d0")
    shutil.rmtree(root / "releases")
    shutil.rmtree(root / "parts/cache-1")
    (root / ".incoming-abc/parts/edge-1").mkdir(parents=True)
    install_release(root, release)
    assert tree(root) == whole


@pytest.mark.parametrize("damage", ["parts/edge-1/sub/file", "parts/edge-1/sub", "releases/d1/edge"])
def test_an_interrupted_removal_is_repaired(root: Path, tmp_path: Path, damage: str) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x", "cache-1": "y"})
    install_release(root, release)
    whole = tree(root)
    remove(root, [damage])
    assert tree(root) != whole
    install_release(root, release)
    assert tree(root) == whole


def test_files_that_a_power_cut_emptied_are_repaired(root: Path, tmp_path: Path) -> None:
    release = tarball(tmp_path, "d1", {"edge-1": "x"})
    install_release(root, release)
    (root / "parts/edge-1/sub/file").write_text("")
    install_release(root, release)
    assert (root / "current/edge/sub/file").read_text() == "x"


def test_a_full_disk_leaves_the_current_release(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_release(root, tarball(tmp_path, "d1", {"edge-1": "x"}))
    before = tree(root)

    def full(_source: object, _target: object, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        install_release(root, tarball(tmp_path, "d2", {"edge-2": "y"}))
    assert tree(root) == before


@pytest.mark.parametrize("releases", [(), ("d1", "d2")])
def test_what_is_not_a_release_is_refused(root: Path, tmp_path: Path, releases: tuple[str, ...]) -> None:
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("parts/edge-1", *(f"releases/{digest}" for digest in releases)):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
    with pytest.raises(ValueError, match=f"not a release: it should hold one, and holds {len(releases)}"):
        install_release(root, path)
    assert tree(root) == {}


@pytest.mark.parametrize("name", ["../outside", "/outside", "parts/../../outside"])
def test_a_release_cannot_write_outside_its_folder(root: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo(name.replace("/outside", f"{tmp_path}/outside") if name[0] == "/" else name))
    with pytest.raises((tarfile.TarError, ValueError)):
        install_release(root, path)
    assert not list(tmp_path.rglob("outside"))


def test_a_part_that_is_there_is_not_unpacked_again_and_one_that_was_changed_is(tmp_path: Path) -> None:
    root = tmp_path / "root"
    install_release(root, tarball(tmp_path, "d1", {"site-1": "large", "edge-1": "x"}))
    before = (root / "parts/site-1/sub").stat().st_ino
    second = tarball(tmp_path, "d2", {"site-1": "large", "edge-2": "y"})
    install_release(root, second)
    assert (root / "parts/site-1/sub").stat().st_ino == before
    assert (root / "current/site/sub/file").read_text() == "large"
    file = root / "parts/site-1/sub/file"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("other")

    def linked() -> None:
        file.unlink()
        file.symlink_to(elsewhere)

    spoilt: list[Callable[[], object]] = [lambda: file.write_text("LARGE"), file.unlink, linked]
    for spoil in spoilt:
        spoil()
        install_release(root, second)
        assert file.read_text() == "large"
        assert not file.is_symlink()
    assert not list(root.glob(".incoming-*"))
