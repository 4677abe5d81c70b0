"""A registry serves what a backup has before it is on the disk; all of it gets there, whatever is killed, cut or damaged."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.backups import mount as mounting
from ops.backups.errors import BackupError
from ops.backups.mount import BackupMount
from ops.backups.recovery import is_awaited, recovery_of
from ops.backups.stage import PULLS
from ops.config import ACCESS_LOG_FILE, ACCESS_LOG_FOLDER
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.registry.index import linked_blobs
from ops.registry.manifests import fetched
from ops.registry.snapshots.trash import NoSpaceError
from ops.registry.tree import RegistryTree
from ops.tasks.doctor.checks.backups import backups
from ops.tasks.restore import run, whole
from ops.tasks.restore.model import Recovered
from ops.tasks.restore.placeholders import Placeholders, mount_of
from ops.tasks.restore.recover import recover
from tests.mounts import small_disk
from tests.ops.backups.backup_rig import EVERYTHING, BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import Image, digest_of
from tools.bootstrap.docker_engine import ensure_docker

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(os.geteuid()) or not Path("/dev/fuse").exists(), reason="nothing can be mounted here"),
]

IMAGES = {f"v{number}": Image(f"v{number}") for number in range(4)}


class Killed(BaseException):
    """Like kill -9: nothing of ours runs any more."""


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    """A registry with a backup; `v2` was pulled last."""
    with backed_up(tmp_path_factory.mktemp("whole")) as rig, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", ensure_docker())
        for tag, image in IMAGES.items():
            assert rig.registry.client.push("team/app", tag, image).status_code == 201
        log = rig.stack.root / ACCESS_LOG_FOLDER / ACCESS_LOG_FILE
        log.parent.mkdir(parents=True)
        pulls = {"v1": 1772375500.0, "v2": 1772375600.0}
        log.write_text("".join(f"{json.dumps(pulled(IMAGES[tag], at), separators=(',', ':'))}\n" for tag, at in pulls.items()))
        rig.back_up()
        yield rig


def pulled(image: Image, at: float) -> dict[str, object]:
    request = {"method": "GET", "host": "registry.example", "uri": f"/v2/team/app/manifests/{image.digest}"}
    return {"ts": at, "request": request, "status": 200}


@pytest.fixture
def serving(backed: BackupRig) -> BackupRig:
    """The same, after it has lost everything, and serves what its backup has."""
    rig = backed.lose()
    recover(rig.stack, print)
    return rig


def blobs(rig: BackupRig) -> set[str]:
    return linked_blobs(rig.backups.index(rig.backups.all()[-1]).values())


def placeholders(rig: BackupRig) -> list[str]:
    return [digest for digest in blobs(rig) if rig.registry.tree.blob(digest).is_symlink()]


def unpulled(rig: BackupRig) -> list[str]:
    return [problem for tag in IMAGES for problem in rig.registry.client.pull("team/app", tag)]


def complete(rig: BackupRig) -> Recovered:
    return whole.complete(rig.stack, print, rig.unserved)


def is_whole(rig: BackupRig) -> bool:
    files = [rig.registry.tree.blob(digest) for digest in blobs(rig)]
    left = list(rig.registry.tree.top.rglob("*.tmp"))
    return unpulled(rig) == [] and left == [] and all(one.is_file() and not one.is_symlink() for one in files)


def kill_mount(rig: BackupRig) -> None:
    process, _ = json.loads((rig.backups.folder / "mount.json").read_text())
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def after(count: int, do: Callable[[], None]) -> Callable[[Placeholders, str], int | None]:
    """Return a way to fill placeholders that does something when so many are filled."""
    fill, numbers = Placeholders._fill, itertools.count()

    def filled(self: Placeholders, digest: str) -> int | None:
        if next(numbers) == count:
            do()
        return fill(self, digest)

    return filled


@contextlib.contextmanager
def nothing_fetched(*_: object) -> Iterator[Iterator[tuple[str, Path | None]]]:
    yield iter(())


def die() -> None:
    raise Killed


def test_it_serves_everything_before_it_is_on_the_disk(serving: BackupRig) -> None:
    assert len(placeholders(serving)) == len(blobs(serving)) == 4 * 5
    assert unpulled(serving) == []
    known = recovery_of(serving.stack)
    assert known is not None
    assert known.pointers
    assert not known.restored
    assert is_awaited(serving.stack)
    assert not is_awaited(serving.stack, pointers_suffice=True)


def test_writes_go_on_meanwhile(serving: BackupRig) -> None:
    client = serving.registry.client
    assert client.push("team/app", "new", Image("new")).status_code == 201
    assert client.push("team/other", "v1", IMAGES["v1"]).status_code == 201  # layers that the backup still has alone
    assert client.delete("team/app", IMAGES["v3"].digest).status_code == 202
    assert complete(serving).exit_code == exit_codes.MISMATCH  # the rig asks for every tag, as it was
    assert client.pull("team/app", "new") + client.pull("team/other", "v1") == []
    assert client.pull("team/app", "v3") != []


def test_then_it_brings_all_of_it_and_needs_the_backup_no_more(serving: BackupRig) -> None:
    done = complete(serving)
    assert done.exit_code == exit_codes.OK
    assert "first pull after" in done.summary
    assert done.recovery.began < done.recovery.pointers < done.recovery.served < done.recovery.restored
    assert is_whole(serving)
    assert not mount_of(serving.stack).folder.exists()
    assert not is_awaited(serving.stack)
    assert complete(serving).recovery == done.recovery


def test_what_was_pulled_last_comes_first(serving: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    order = list[str]()
    fill = Placeholders._fill

    def noted(self: Placeholders, digest: str) -> int | None:
        order.append(digest)
        return fill(self, digest)

    monkeypatch.setattr(Placeholders, "_fill", noted)
    backup = serving.backups.all()[-1]
    assert list(json.loads(serving.backups.restic.text(backup.id, PULLS))) == [IMAGES["v1"].digest, IMAGES["v2"].digest]
    complete(serving)
    tree = serving.registry.tree
    assert set(order[:5]) == set(fetched(tree, IMAGES["v2"].digest).digests)
    assert set(order[5:10]) == set(fetched(tree, IMAGES["v1"].digest).digests)


@pytest.mark.parametrize("count", [0, 1, 7, 19])
def test_a_killed_run_is_gone_on_with(serving: BackupRig, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Placeholders, "_fill", after(count, die))
        with pytest.raises(Killed):
            complete(serving)
    assert unpulled(serving) == []
    assert complete(serving).exit_code == exit_codes.OK
    assert is_whole(serving)


def test_a_host_that_has_restarted_mounts_it_again(serving: BackupRig) -> None:
    kill_mount(serving)
    assert len(unpulled(serving)) == len(IMAGES)
    assert complete(serving).recovery.problems == ()
    assert is_whole(serving)


def test_a_connection_that_is_lost_is_made_anew(serving: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placeholders, "_fill", after(7, lambda: kill_mount(serving)))
    assert complete(serving).exit_code == exit_codes.OK
    assert is_whole(serving)


def test_backups_that_are_away_for_a_while_are_no_loss(serving: BackupRig) -> None:
    known = recovery_of(serving.stack)
    target, away = serving.stack.root / "target", serving.stack.root / "away"
    kill_mount(serving)
    target.rename(away)
    with pytest.raises(BackupError):
        complete(serving)
    assert recovery_of(serving.stack) == known
    away.rename(target)
    assert complete(serving).exit_code == exit_codes.OK
    assert is_whole(serving)


def test_what_the_backup_does_not_give_back_is_named(serving: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = serving.registry.tree.blob(next(iter(fetched(serving.registry.tree, IMAGES["v3"].digest).digests)))
    content = Path(os.path.realpath(lost))
    monkeypatch.setattr("ops.tasks.restore.whole.fetched_blobs", nothing_fetched)
    other = serving.registry.tree.blob(IMAGES["v0"].digest)
    lost.unlink()
    lost.symlink_to(os.path.realpath(other))
    done = complete(serving)
    assert done.exit_code == exit_codes.MISMATCH
    assert any(f"sha256:{lost.parent.name} is damaged in the backup" in one for one in done.recovery.problems)
    assert content.name == f"sha256:{lost.parent.name}"
    assert not lost.is_symlink()
    assert complete(serving).exit_code == exit_codes.OK  # `up` has failed for it once


def test_what_the_mount_gives_damaged_is_fetched_once_more(serving: BackupRig) -> None:
    lost, other = (serving.registry.tree.blob(IMAGES[tag].digest) for tag in ("v3", "v0"))
    lost.unlink()
    lost.symlink_to(os.path.realpath(other))
    complete(serving)
    assert is_whole(serving)


def test_without_a_way_to_mount_everything_comes_first(backed: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounting, "_DEVICE", Path("/dev/none"))
    told, rig = list[str](), backed.lose()
    done = recover(rig.stack, told.append)
    assert done.recovery.restored
    assert any("install the package fuse3" in one for one in told)
    assert is_whole(rig)


def test_what_can_be_mounted_no_more_is_fetched(serving: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_mount(serving)
    monkeypatch.setattr(mounting, "_DEVICE", Path("/dev/none"))
    done = complete(serving)
    assert (done.exit_code, done.recovery.problems) == (exit_codes.OK, ())
    assert is_whole(serving)


def test_why_it_cannot_be_mounted_is_told(backed: BackupRig, tmp_path: Path) -> None:
    backup, password = backed.backups.all()[-1], tmp_path / "password"
    password.write_text("another one")
    other = replace(backed.backups, restic=replace(backed.backups.restic, password_file=password))
    with pytest.raises(BackupError, match="cannot mount it: Fatal: wrong password"):
        BackupMount(other, tmp_path / "mounted").start(backup)
    assert not (tmp_path / "mounted").exists()


def test_status_tells_of_it(serving: BackupRig) -> None:
    (found,) = [one for one in backups(serving.stack) if one.name == "recovery"]
    assert "serves what is not on the disk yet" in found.detail
    complete(serving)
    assert not [one for one in backups(serving.stack) if one.name == "recovery"]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    content, large = tmp_path / "content", os.urandom(1 << 20)
    digests = [digest_of(large[number:]) for number in range(8)]
    for number, digest in enumerate(digests):
        write_atomic(content / "pool" / digest[7:9] / digest, large[number:])
    with small_disk(tmp_path / "disk", size="4m", inodes=500) as folder:
        known = Placeholders(RegistryTree(folder), content)
        known.place(digests)
        with pytest.raises(NoSpaceError):
            known.fill(digests, len(digests), print)
        left = known.left(digests)
        assert 0 < len(left) < len(digests)
        assert all(known.tree.blob(digest).stat().st_size > 1_000_000 for digest in digests)
        assert list(folder.rglob("*.tmp")) == []


def test_it_can_be_given_up_and_what_is_missing_restored(serving: BackupRig, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_mount(serving)
    rig = serving.configure(serving.stack.config.backup)
    assert not is_awaited(rig.stack)
    monkeypatch.setattr(run, "live_registry", lambda _: contextlib.nullcontext(rig.registry.live()))
    run.restore(rig.stack, run.Chosen(), EVERYTHING, print)
    assert is_whole(rig)
