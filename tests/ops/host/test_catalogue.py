"""A release brings the catalogue, and is refused before anything is changed where somebody has edited that of the host."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from infra.release import Part, Release
from ops.catalogue.shipped import is_ahead, standing_of, working_copy
from ops.catalogue.store import Store
from ops.host.provision import main, make_folders
from tests.ops.hosts import tree


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk of the whole machine."""
    monkeypatch.setattr(os, "sync", lambda: None)


def installed(root: Path, catalogue: str, other: str = "same") -> tuple[int, str]:
    """Install a release as `up` does; return the exit code and what was said."""
    parts = [Part.of_text("catalogue", {"catalogue.yml": catalogue}), Part.of_text("edge", {"Caddyfile": other})]
    tarball = Release(parts).tarball(root.parent / "tarballs")
    said = io.StringIO()
    umask = os.umask(0o022)
    try:
        with redirect_stderr(said):
            code = main(["--root", str(root), "release", str(tarball)])
    finally:
        os.umask(umask)
    return code, said.getvalue()


def test_a_release_brings_the_catalogue_and_later_ones_replace_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for text in ("sync: [] # 1", "sync: [] # 2"):
        assert installed(root, text) == (0, "")
        assert working_copy(root).read_text() == text
        assert not is_ahead(root)


def test_edits_of_the_host_stay_while_the_repository_has_the_same(tmp_path: Path) -> None:
    root = tmp_path / "root"
    installed(root, "sync: []")
    Store(working_copy(root)).write(b"sync: []", b"sync: [] # edited")
    assert installed(root, "sync: []", other="changed") == (0, "")
    assert (working_copy(root).read_text(), is_ahead(root)) == ("sync: [] # edited", True)


def test_edits_on_both_sides_stop_up_before_it_changes_anything(tmp_path: Path) -> None:
    root = tmp_path / "root"
    installed(root, "sync: []")
    Store(working_copy(root)).write(b"sync: []", b"sync: [] # edited")
    before = tree(root)
    code, said = installed(root, "sync: [] # of the repository", other="changed")
    assert code == 1
    assert "`bin/regops catalogue pull --force`" in said
    assert tree(root) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_brings_belongs_to_the_services_user(tmp_path: Path) -> None:
    root = tmp_path / "root"
    installed(root, "sync: []")
    make_folders(root, ["data/mirror"], (10001, 10001))
    installed(root, "sync: [] # new")
    found = [working_copy(root).parent, *working_copy(root).parent.rglob("*")]
    assert {path.stat().st_uid for path in found} == {10001}
    assert standing_of(root).shipped == b"sync: [] # new"
