"""Restores from backups into a real registry, and to a folder that a plain registry could serve."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.backups.errors import BackupError
from ops.core import exit_codes
from ops.registry.manifests import image_problems
from ops.registry.restore.model import RestoreError, RestoreScope
from ops.registry.tree import RegistryTree
from ops.tasks.restore.run import Chosen, preview, restore_to
from tests.ops.backups.backup_rig import EVERYTHING, BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Image, digest_of

pytestmark = pytest.mark.system


def wipe(rig: BackupRig) -> None:
    """Lose the disk: everything in the registry, and its snapshots."""
    for folder in (rig.registry.tree.top, rig.registry.store.folder):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[BackupRig]:
    with backed_up(tmp_path) as rig:
        for tag in ("v1", "v2"):
            assert rig.registry.client.push("team/app", tag, Image(tag)).status_code == 201
        assert rig.registry.client.push("other", "v1", Image("other")).status_code == 201
        rig.back_up()
        yield rig


def pulls(rig: BackupRig, *tags: str) -> list[str]:
    return [problem for tag in tags for problem in rig.registry.client.pull(*tag.split(":", 1))]


def test_everything_comes_back_to_an_empty_disk(rig: BackupRig) -> None:
    wipe(rig)
    planned = preview(rig.stack, Chosen(), EVERYTHING)
    assert (planned.missing, planned.blobs) == (["other:v1", "team/app:v1", "team/app:v2"], 15)
    done = rig.restore()
    assert (done.exit_code, done.fetched, done.damaged) == (exit_codes.OK, 15, [])
    assert pulls(rig, "team/app:v1", "team/app:v2", "other:v1") == []
    assert rig.registry.client.push("team/app", "v3", Image("v3")).status_code == 201, "and can be pushed to"
    assert preview(rig.stack, Chosen(), EVERYTHING).missing == []
    assert rig.restore().fetched == 0


def test_one_tag_comes_back_with_only_its_blobs(rig: BackupRig) -> None:
    wipe(rig)
    done = rig.restore(RestoreScope.of("team/app:v1", everything=True))
    assert done.fetched == 5
    assert pulls(rig, "team/app:v1") == []
    assert rig.registry.tree.tag_names("team/app") == ["v1"]


def test_an_index_comes_back_with_its_images(rig: BackupRig) -> None:
    described = [{"mediaType": MANIFEST, "digest": Image(tag).digest, "size": len(Image(tag).manifest)} for tag in ("v1", "v2")]
    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": described}).encode()
    assert rig.registry.client.push_manifest("team/app", "both", content, INDEX).status_code == 201
    rig.back_up()
    wipe(rig)
    assert rig.restore(RestoreScope.of(f"team/app@{digest_of(content)}", everything=True)).exit_code == exit_codes.OK
    assert pulls(rig, f"team/app:{digest_of(content)}") == []


def test_a_tag_that_moved_is_set_back_only_when_asked_for_and_to_a_time(rig: BackupRig) -> None:
    then = datetime.now(UTC)
    rig.registry.client.push("team/app", "v1", Image("moved"))
    rig.back_up()
    tag, at = "team/app:v1", Chosen(at=then)
    kept = rig.restore(RestoreScope.of(tag, everything=True), at)
    assert [one.tag for one in kept.report.plan.differing] == ["v1"]
    done = rig.restore(RestoreScope.of(tag, everything=True, overwrite=True), at)
    assert done.report.before
    assert rig.registry.tree.tagged("team/app", "v1") == Image("v1").digest
    with pytest.raises(BackupError, match="no good backup from before"):
        rig.restore(chosen=Chosen(at=then - timedelta(days=1)))


def test_what_is_damaged_in_the_backup_does_not_get_into_the_registry(rig: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    wipe(rig)
    layer = digest_of(Image("v1").blobs[1])
    monkeypatch.setattr(
        "ops.tasks.restore.fetch.has_content", lambda _, digest: digest != layer
    )  # restic would refuse a flipped byte
    done = rig.restore()
    assert (done.exit_code, done.damaged) == (exit_codes.MISMATCH, [layer])
    assert pulls(rig, "team/app:v2", "other:v1") == []
    assert rig.registry.tree.tagged("team/app", "v1") is None


def test_a_restore_that_was_killed_goes_on_with_what_it_has(rig: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    wipe(rig)

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("ops.tasks.restore.run.restore_live", killed)
        with pytest.raises(KilledError):
            rig.restore()
    done = rig.restore()
    assert done.fetched == 0, "all of it was here"
    assert pulls(rig, "team/app:v1", "other:v1") == []


def test_to_a_folder_it_is_a_tree_of_a_plain_registry(rig: BackupRig, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    done = restore_to(rig.stack, Chosen(), RestoreScope.of("team/app", everything=True), folder, lambda _: None)
    assert done.exit_code == exit_codes.OK
    tree = RegistryTree(folder)
    assert list(tree.repository_names()) == ["team/app"]
    assert [problem for tag in tree.tag_names("team/app") for problem in image_problems(tree, "team/app", tag)] == []
    assert [path.name for path in folder.iterdir()] == ["docker"]
    assert rig.registry.tree.tagged("other", "v1"), "nothing else was touched"


def test_what_a_backup_does_not_have_is_said(rig: BackupRig) -> None:
    with pytest.raises(RestoreError, match="has no nobody/nothing:v1"):
        rig.restore(RestoreScope.of("nobody/nothing:v1", everything=True))
    with pytest.raises(BackupError, match="no backups are called 123"):
        rig.restore(chosen=Chosen("123"))


def test_a_tag_comes_back_only_if_it_is_what_was_seen(rig: BackupRig) -> None:
    then, now = Image("v1").digest, Image("v1 again").digest
    assert rig.registry.client.push("team/app", "v1", Image("v1 again")).status_code == 201

    def expecting(digest: str) -> RestoreScope:
        return RestoreScope.of("team/app:v1", everything=True, overwrite=True, expect=digest)

    with pytest.raises(RestoreError, match="look at the plan again"):
        preview(rig.stack, Chosen(), expecting(then))
    with pytest.raises(RestoreError, match="look at the plan again"):
        rig.restore(expecting("nothing"))
    assert rig.registry.tree.tagged("team/app", "v1") == now
    assert preview(rig.stack, Chosen(), expecting(now)).differing == ["team/app:v1"]
    assert rig.restore(expecting(now)).exit_code == exit_codes.OK
    assert rig.registry.tree.tagged("team/app", "v1") == then
