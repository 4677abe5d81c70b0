"""A backup with links that somebody has planted, who had the host's key: nothing that they lead to is touched, read or served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.backups.repository import GOOD
from ops.backups.stage import pooled
from ops.core import exit_codes
from ops.tasks.restore.run import Chosen
from ops.tasks.restore.state import restore_state
from ops.tasks.scrub.model import Share
from ops.tasks.scrub.run import scrub
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.backup.faulty import restored
from tests.ops.tasks.gc.gc_rig import Image, digest_of

pytestmark = pytest.mark.system

LAYERS = [digest_of(blob) for blob in Image("v1").blobs]
SECRET = "of this host alone"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Files that are nobody's business; some have the content of layers."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for blob in Image("v1").blobs:
        (folder / digest_of(blob)).write_bytes(blob)
        (folder / digest_of(blob)).chmod(0o600)
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.fixture
def rig(tmp_path: Path, outside: Path) -> Iterator[BackupRig]:
    """A registry of one image, whose latest backup has links in the place of its layers and of a state."""
    with backed_up(tmp_path) as rig:
        assert rig.registry.client.push("team/app", "v1", Image("v1")).is_success
        (rig.stack.root / "data/grafana").mkdir(parents=True)
        (rig.stack.root / "data/grafana/one.json").write_text("{}")
        rig.back_up()
        stage = tmp_path / "planted"
        rig.backups.restic.fetch(rig.backups.find().id, stage, [""])
        by_file, by_folder, *fifos = (stage / pooled(digest) for digest in LAYERS)
        by_file.unlink()
        by_file.symlink_to(outside / by_file.name)
        by_folder.unlink()
        by_folder.parent.rmdir()
        by_folder.parent.symlink_to(outside)
        for fifo in fifos:
            fifo.unlink()
            os.mkfifo(fifo)
        (stage / "state/data/grafana/link").symlink_to(outside / "secret")
        rig.backups.restic.back_up(stage, host="tested", tags=[GOOD, "number=99"])
        yield rig


@pytest.fixture(autouse=True)
def untouched(rig: BackupRig, outside: Path) -> Iterator[None]:
    before = seen(outside)
    yield
    assert seen(outside) == before
    links = [one for one in rig.registry.tree.root.rglob("*") if one.is_symlink()]
    assert links == []


def seen(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {one.name: one.lstat() for one in folder.iterdir()}
    return {name: (one.st_mode, one.st_uid, one.st_nlink) for name, one in found.items()}


def test_a_restore_into_the_registry_takes_no_link_for_a_blob(rig: BackupRig) -> None:
    for digest in LAYERS:
        rig.registry.tree.blob(digest).unlink()
    done = rig.restore()
    assert (done.fetched, done.report.plan.incomplete) == (0, ("team/app:v1", f"team/app@{Image('v1').digest}"))


def test_nor_does_one_to_a_folder(rig: BackupRig, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        restored(rig, tmp_path / "there")
    assert [one for one in (tmp_path / "there").rglob("*") if one.is_symlink() or one.name in LAYERS] == []


def test_a_scrub_repairs_from_the_backup_before(rig: BackupRig) -> None:
    for digest in LAYERS:
        rig.registry.tree.blob(digest).write_bytes(b"damaged")
    report = scrub(rig.stack, Share(None), lambda _: None)
    assert (report.exit_code, sorted(report.repaired)) == (exit_codes.WARNINGS, sorted(LAYERS))
    assert rig.registry.client.pull("team/app", "v1") == []


def test_a_state_comes_without_what_a_link_leads_to(rig: BackupRig, tmp_path: Path) -> None:
    restore_state(rig.stack, Chosen(), "data/grafana", lambda _: None, to=tmp_path / "state")
    assert [one.name for one in (tmp_path / "state").iterdir()] == ["one.json"]
