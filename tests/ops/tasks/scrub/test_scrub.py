"""A scrub finds what the disk has changed, and a real backup repairs it under a running registry."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops.backups.errors import BackupError
from ops.catalogue.shipped import working_copy
from ops.config import REGOPS_FILE, MirrorSettings, RegopsConfig, render
from ops.core import exit_codes
from ops.stack.stack import Stack
from ops.tasks.scrub.model import PARTS, ScrubReport, Share
from ops.tasks.scrub.run import scrub
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.command_line import regops
from tests.ops.tasks.gc.gc_rig import Image, Rig, digest_of, running

pytestmark = pytest.mark.system

ALL = Share(None)
IMAGE = Image("mirrored")


@dataclass(frozen=True)
class Mirror:
    """A registry that has mirrored an image."""

    upstream: Rig
    registry: Rig
    name: str

    @property
    def stack(self) -> Stack:
        """The stack of the registry."""
        return Stack(self.registry.folder)


def say(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    """A registry with an image that is in a backup, twice."""
    with backed_up(tmp_path_factory.mktemp("scrubbed")) as rig:
        for tag in ("v1", "v2"):
            assert rig.registry.client.push("team/app", tag, Image(tag)).status_code == 201
            rig.back_up()
        yield rig


def layer_of(rig: BackupRig) -> tuple[str, Path]:
    """The largest blob that is there: a layer."""
    file = max(rig.registry.tree.blobs.glob("*/*/*/data"), key=lambda one: one.stat().st_size)
    return f"{file.parts[-4]}:{file.parts[-2]}", file


def flip(file: Path) -> None:
    """Change a byte as a disk does: size and times stay, and so does the name."""
    times = file.stat()
    with file.open("r+b") as content:
        first = content.read(1)
        content.seek(0)
        content.write(bytes([first[0] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_every_blob_is_read_once_in_a_month() -> None:
    digests = [f"sha256:{number:064x}" for number in range(1000)]
    shares = [Share.of_day(date(2026, 3, 1) + timedelta(days=day)) for day in range(PARTS)]
    assert {digest: sum(share.has(digest) for share in shares) for digest in digests} == dict.fromkeys(digests, 1)
    assert max(sum(share.has(digest) for digest in digests) for share in shares) < 2 * 1000 / PARTS
    assert all(ALL.has(digest) for digest in digests)


def test_a_whole_registry_is_found_whole(rig: BackupRig) -> None:
    report = scrub(rig.stack, ALL, say)
    assert (report.exit_code, report.damaged) == (exit_codes.OK, [])
    assert report.blobs == len([*rig.registry.tree.blobs.glob("*/*/*/data")])
    assert scrub(rig.stack, Share(0), say).blobs < report.blobs


def test_what_the_disk_has_changed_is_repaired(rig: BackupRig) -> None:
    digest, file = layer_of(rig)
    content, owner = file.read_bytes(), file.stat().st_uid
    flip(file)
    assert regops(rig.stack.root, "scrub", "--all", "--dry-run").returncode == exit_codes.MISMATCH
    assert file.read_bytes() != content
    told = regops(rig.stack.root, "scrub", "--all", "--json")
    assert told.returncode == exit_codes.WARNINGS, told.stderr
    report = json.loads(told.stdout)["report"]
    assert (report["damaged"], report["repaired"], report["unrepaired"]) == ([digest], {digest: "a backup"}, {})
    assert file.read_bytes() == content
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (owner, 0o644)
    assert rig.registry.client.pull("team/app", "v1") + rig.registry.client.pull("team/app", "v2") == []
    assert scrub(rig.stack, ALL, say).damaged == []


def test_a_file_that_a_crash_has_left_empty_is_damaged_too(rig: BackupRig) -> None:
    digest, file = layer_of(rig)
    file.write_bytes(b"")
    assert scrub(rig.stack, ALL, say).repaired == {digest: "a backup"}
    assert file.stat().st_size > 0


def test_a_backup_of_the_damaged_file_is_passed_over(rig: BackupRig) -> None:
    digest, file = layer_of(rig)
    flip(file)
    os.utime(file)  # restic reads it again
    assert rig.registry.client.push("team/app", "v3", Image("v3")).status_code == 201
    rig.back_up()
    assert scrub(rig.stack, ALL, say).repaired == {digest: "a backup"}


def test_what_no_backup_has_is_named(rig: BackupRig) -> None:
    assert rig.registry.client.push("team/new", "v1", Image("new")).status_code == 201
    index = rig.registry.tree.tagged("team/new", "v1")
    assert index is not None
    file = rig.registry.tree.blob(index)
    content = file.read_bytes()
    flip(file)
    report = scrub(rig.stack, ALL, say)
    assert report.exit_code == exit_codes.MISMATCH
    assert report.unrepaired[index].startswith("no backup has it; push the image again")
    assert "push the image again" in report.summary
    file.write_bytes(content)


class TestWithoutBackups:
    """What nobody has backed up is fetched from where it was mirrored from."""

    @pytest.fixture
    def mirror(self, tmp_path: Path) -> Iterator[Mirror]:
        """An upstream with an image, and a registry without backups that has mirrored it."""
        for name in ("upstream", "mirror"):
            (tmp_path / name).mkdir()
        with running(tmp_path / "upstream") as upstream, running(tmp_path / "mirror") as registry:
            for rig, repository in ((upstream, "library/app"), (registry, "mirrored/app")):
                assert rig.client.push(repository, "v1", IMAGE).status_code == 201
            name = upstream.client.url.removeprefix("http://")
            config = RegopsConfig(
                stack="tested",
                url=registry.client.url,
                data="data/regops",
                registry_data="registry",
                snapshots="snapshots",
                upstreams={"mirrored/app": ["127.0.0.1:9/library/app", f"{name}/library/app"]},
            )
            file = registry.folder / "current" / REGOPS_FILE
            file.parent.mkdir(parents=True)
            file.write_text(render(config))
            yield Mirror(upstream, registry, name)

    def test_layers_and_manifests_come_back_from_the_registry_that_has_them(self, mirror: Mirror) -> None:
        damaged = [digest_of(max(IMAGE.blobs, key=len)), digest_of(IMAGE.manifest)]
        for digest in damaged:
            flip(mirror.registry.tree.blob(digest))
        report = scrub(mirror.stack, ALL, say)
        assert (report.repaired, report.unrepaired) == (dict.fromkeys(damaged, mirror.name), {})
        assert mirror.name in report.summary
        assert mirror.registry.client.pull("mirrored/app", "v1") == []
        assert not (mirror.stack.root / "data/backup/scrubbed").exists()

    def test_a_catalogue_says_where_images_come_from(self, mirror: Mirror) -> None:
        root = mirror.stack.root
        told = mirror.stack.config.model_copy(
            update={"upstreams": {}, "sync": MirrorSettings(into=("mirrored/**",), registries=("r.example.com",))}
        )
        (root / "current" / REGOPS_FILE).write_text(render(told))
        digest = digest_of(max(IMAGE.blobs, key=len))
        flip(mirror.registry.tree.blob(digest))
        assert digest in scrub(mirror.stack, ALL, say).unrepaired, "there is no catalogue yet"
        working_copy(root).parent.mkdir(parents=True)
        working_copy(root).write_text(
            f"sync: [{{source: '{mirror.name}/library/app', target: r.example.com/mirrored/app, type: repository}}]"
        )
        assert scrub(mirror.stack, ALL, say).repaired == {digest: mirror.name}

    def test_a_whole_registry_repairs_what_is_mirrored_from_it(self, mirror: Mirror) -> None:
        root, client = mirror.stack.root, mirror.registry.client
        assert client.push("whole/library/app", "v1", Image("whole")).status_code == 201
        assert mirror.upstream.client.push("library/app", "v2", Image("whole")).status_code == 201
        assert client.push("whole/ci/app", "v1", Image("pushed")).status_code == 201
        told = mirror.stack.config.model_copy(
            update={"upstreams": {}, "sync": MirrorSettings(into=("whole/**",), registries=("r.example.com",))}
        )
        (root / "current" / REGOPS_FILE).write_text(render(told))
        working_copy(root).parent.mkdir(parents=True)
        entry = f"{{source: '{mirror.name}', target: r.example.com/whole, type: registry, repos: {{deny: ['ci/.*']}}}}"
        working_copy(root).write_text(f"sync: [{entry}]")
        mirrored, pushed = (digest_of(max(Image(seed).blobs, key=len)) for seed in ("whole", "pushed"))
        for digest in (mirrored, pushed):
            flip(mirror.registry.tree.blob(digest))
        report = scrub(mirror.stack, ALL, say)
        assert report.repaired == {mirrored: mirror.name}
        assert list(report.unrepaired) == [pushed]
        assert mirror.name not in report.unrepaired[pushed], "nobody was asked for what is not mirrored"

    def test_what_upstream_does_not_have_any_more_is_named_with_both_reasons(self, mirror: Mirror) -> None:
        digest = digest_of(max(IMAGE.blobs, key=len))
        flip(mirror.registry.tree.blob(digest))
        mirror.upstream.tree.blob(digest).unlink()
        report = scrub(mirror.stack, ALL, say)
        assert (list(report.unrepaired), report.exit_code) == ([digest], exit_codes.MISMATCH)
        said = report.unrepaired[digest]
        assert f"{mirror.name}/library/app does not have it any more" in said
        assert "127.0.0.1:9: Connection refused" in said

    def test_what_was_pushed_here_is_asked_of_nobody(self, mirror: Mirror) -> None:
        assert mirror.registry.client.push("ci/app", "v1", Image("pushed")).status_code == 201
        digest = digest_of(Image("pushed").manifest)
        flip(mirror.registry.tree.blob(digest))
        assert "127.0.0.1:9" not in scrub(mirror.stack, ALL, say).unrepaired[digest]


def test_backups_that_are_away_repair_nothing_and_it_is_said(rig: BackupRig) -> None:
    digest, file = layer_of(rig)
    target = rig.stack.root / "target"
    content = file.read_bytes()
    flip(file)
    shutil.move(target, target.with_name("away"))
    try:
        report = scrub(rig.stack, ALL, say)
    finally:
        shutil.move(target.with_name("away"), target)
    assert list(report.unrepaired) == [digest]
    assert report.exit_code == exit_codes.MISMATCH
    file.write_bytes(content)


def test_what_is_found_while_another_task_is_at_work_is_told(rig: BackupRig) -> None:
    digest, file = layer_of(rig)
    content = file.read_bytes()
    flip(file)
    with rig.registry.store.locked("gc"):
        report = scrub(rig.stack, ALL, say)
    assert (list(report.unrepaired), report.exit_code) == ([digest], exit_codes.MISMATCH)
    file.write_bytes(content)


def test_what_is_deleted_meanwhile_is_nobodys_business(rig: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def deleted(file: Path, _: str) -> bool:
        raise FileNotFoundError(file)

    monkeypatch.setattr("ops.tasks.scrub.run.has_content", deleted)
    assert scrub(rig.stack, ALL, say).blobs == 0


def test_a_file_that_cannot_be_read_is_damaged(rig: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(file: Path, _: str) -> bool:
        raise OSError(5, "Input/output error", str(file))

    def away(_: object) -> None:
        raise BackupError("away")

    monkeypatch.setattr("ops.tasks.scrub.run.has_content", unreadable)
    monkeypatch.setattr("ops.tasks.scrub.repair.repository_of", away)
    report: ScrubReport = scrub(rig.stack, ALL, say)
    assert len(report.unrepaired) == report.blobs > 0
