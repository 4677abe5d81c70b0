"""A stack that has lost everything recovers from its backups: once, onto an empty host alone, also after a killed try."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from infra.paths import cache_folder
from ops.backups.errors import BackupError
from ops.backups.recovery import Recovery, RecoveryAwaitedError, is_awaited, note_recovery, recovery_of
from ops.catalogue.shipped import is_ahead, take_in, working_copy
from ops.config import REGOPS_FILE, BackupSettings, ConfigError, RecoverySettings, RegopsConfig, render
from ops.core import exit_codes
from ops.core.files import write_atomic
from ops.runs.history import NOT_STARTED, history_of
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack
from ops.tasks.restore import recover as module
from ops.tasks.restore.model import Recovered
from ops.tasks.restore.placeholders import mount_of
from ops.tasks.restore.recover import recover
from ops.tasks.restore.whole import complete
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import Image
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

LATEST = RecoverySettings()
SHIPPED, EDITED = "sync: []\n", "sync: [] # edited on the host\n"


def say(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    """A registry with two backups; the ledger of the first has one record."""
    with backed_up(tmp_path_factory.mktemp("recovered")) as rig:
        assert rig.registry.client.push("team/app", "v1", Image("v1")).status_code == 201
        with contextlib.closing(sqlite3.connect(rig.stack.data / "changes.db")) as ledger, ledger:
            ledger.execute("INSERT INTO records VALUES ('sha256:1')")
        rig.back_up()
        assert rig.registry.client.push("team/app", "v2", Image("v2")).status_code == 201
        for file, text in (
            (working_copy(rig.stack.root), EDITED),
            (working_copy(rig.stack.root).with_name("shipped.yml"), SHIPPED),
        ):
            write_atomic(file, text)
        rig.back_up()
        yield rig


def asking(rig: BackupRig, recovery: RecoverySettings | None) -> BackupRig:
    return rig.configure(BackupSettings(target=str(rig.stack.root / "target")), recover=recovery)


@pytest.fixture
def lost(whole: BackupRig) -> BackupRig:
    """The same, after it has lost all but its secrets and its release, and is asked to recover."""
    return whole.lose()


def back(rig: BackupRig) -> Recovered:
    """Recover, and bring everything back."""
    recover(rig.stack, say)
    return complete(rig.stack, say, rig.unserved)


def ids(rig: BackupRig) -> list[str]:
    return [backup.id for backup in rig.backups.all()]


def test_images_and_state_come_back_once(lost: BackupRig) -> None:
    with contextlib.closing(sqlite3.connect(lost.stack.data / "changes.db")) as early:  # of a timer that was quicker
        early.executescript("PRAGMA journal_mode = WAL; CREATE TABLE other (digest TEXT)")
    assert "recovered 2 tags" in recover(lost.stack, say).summary
    done = complete(lost.stack, say, lost.unserved)
    assert lost.registry.client.pull("team/app", "v1") + lost.registry.client.pull("team/app", "v2") == []
    assert (lost.stack.root / "data/edge/account.json").read_text() == "{}"
    with contextlib.closing(sqlite3.connect(lost.stack.data / "changes.db")) as ledger:
        assert ledger.execute("SELECT digest FROM records").fetchall() == [("sha256:1",)]
    again = recover(lost.stack, say)
    assert again.recovery == done.recovery
    assert "already recovered" in again.summary
    assert done.recovery.lost_s >= 0
    lost.back_up()
    assert not (lost.stack.root / "data/backup/stage/state/data/regops/recovery.json").exists()


@pytest.mark.parametrize(("repository", "said"), [(SHIPPED, False), ("sync: [] # newer\n", True)])
def test_edits_of_the_catalogue_come_back_and_are_told_if_the_repository_has_others(
    lost: BackupRig, repository: str, said: bool
) -> None:
    root = lost.stack.root
    write_atomic(root / "current/catalogue/catalogue.yml", repository)
    take_in(root)  # as `up` does before
    told = list[str]()
    try:
        recover(lost.stack, told.append)
        assert (working_copy(root).read_text(), is_ahead(root)) == (EDITED, True)
        assert any("`bin/regops catalogue pull --force`" in one for one in told) == said
    finally:
        shutil.rmtree(root / "current/catalogue")


def test_it_recovers_from_the_backup_that_is_named(lost: BackupRig) -> None:
    first = ids(lost)[0]
    rig = asking(lost, RecoverySettings(backup=first[:8]))
    assert back(rig).recovery.backup == first
    assert rig.registry.client.pull("team/app", "v2") != []


def test_it_recovers_from_the_last_backup_of_a_time(lost: BackupRig) -> None:
    first = lost.backups.all()[0]
    rig = asking(lost, RecoverySettings(at=first.made_at))
    assert recover(rig.stack, say).recovery.backup == first.id


def test_a_registry_with_content_is_left_alone(lost: BackupRig) -> None:
    assert lost.registry.client.push("team/new", "v1", Image("new")).status_code == 201
    done = recover(lost.stack, say)
    assert "nothing is recovered, since this stack has content" in done.summary
    assert lost.registry.client.pull("team/app", "v1") != []
    assert not is_awaited(lost.stack)


@pytest.mark.parametrize("task", ["backup", "changes", "gc", "snapshot", "retention", "scrub", "export"])
def test_nothing_takes_half_a_registry_for_all_of_it(lost: BackupRig, task: str) -> None:
    with pytest.raises(RecoveryAwaitedError, match="about to be recovered"):
        run_task(lost.stack, task, lambda: pytest.fail("it began"))
    (run,) = history_of(lost.stack).runs()
    assert (run.state, run.exit_code) == (NOT_STARTED, exit_codes.BUSY)
    assert run_task(lost.stack, "doctor", lambda: Outcome(exit_codes.OK, "")).exit_code == exit_codes.OK
    back(lost)
    assert run_task(lost.stack, task, lambda: Outcome(exit_codes.OK, "")).exit_code == exit_codes.OK


@pytest.mark.parametrize("where", ["_bring_state", "_serving", "Placeholders.place", "put_back"])
def test_a_recovery_that_was_killed_goes_on_with_the_same_backup(
    lost: BackupRig, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"{module.__name__}.{where}", killed)
        with pytest.raises(Killed):
            recover(lost.stack, say)
    begun = recovery_of(lost.stack)
    assert begun is not None
    assert not begun.is_done
    assert is_awaited(lost.stack)
    rig = asking(lost, RecoverySettings(backup=ids(lost)[0][:8]))  # too late: half of another one is here
    assert recover(rig.stack, say).recovery.backup == begun.backup
    assert rig.registry.client.pull("team/app", "v2") == []


def test_services_that_have_started_meanwhile_are_not_recovered_beneath(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    name = f"test-{os.getpid()}-{secrets.token_hex(3)}"
    config = RegopsConfig(stack=name, url="http://127.0.0.1:1", data="data", recover=LATEST)
    write_atomic(tmp_path / "current" / REGOPS_FILE, render(config))
    stack = Stack(tmp_path)
    note_recovery(stack, Recovery("latest", "1a2b", "2026-03-01T14:30:00+00:00", 1772375500.0))
    with contextlib.closing(docker.from_env()) as engine:
        image = ensure_images(["redis"], engine, cache_folder("offline"))["redis"].reference
        container = engine.containers.create(
            image, ["sleep", "60"], name=f"{name}-registry", network_mode="none", stop_signal="SIGKILL"
        )
        try:
            container.start()
            with pytest.raises(ConfigError, match="services run by now"):
                recover(stack, say)
        finally:
            container.remove(force=True)


def test_a_backup_that_is_gone_is_replaced_by_another(lost: BackupRig) -> None:
    note_recovery(lost.stack, Recovery("latest", "0" * 64, "2026-03-01T14:30:00+00:00", 1.0))
    assert recover(lost.stack, say).recovery.backup == ids(lost)[-1]
    assert lost.registry.client.pull("team/app", "v2") == []


def test_tags_of_a_backup_that_is_gone_cannot_be_checked_and_that_is_told_each_time(lost: BackupRig) -> None:
    note_recovery(lost.stack, Recovery("latest", "0" * 64, "2026-03-01T14:30:00+00:00", 1.0, restored=2.0))
    first, second = complete(lost.stack, say, lost.unserved), complete(lost.stack, say, lost.unserved)
    assert (first.exit_code, second.exit_code) == (exit_codes.MISMATCH, exit_codes.OK)
    assert "backup 00000000 is gone" in first.summary
    assert second.summary == first.summary


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_services_own_the_folders_that_come_back(lost: BackupRig) -> None:
    back(lost)
    deep = lost.stack.root / "data/edge/certificates/local/name"
    deep.mkdir(parents=True)
    (deep / "name.crt").write_text("certificate")
    lost.back_up()
    for gone in (lost.registry.tree.top, lost.registry.store.folder, lost.stack.root / "data"):
        shutil.rmtree(gone)
    mount_of(lost.stack).stop()
    edge = lost.stack.root / "data/edge"
    for folder in (edge, lost.stack.data):
        folder.mkdir(parents=True)
    os.chown(edge, 10001, 10001)
    edge.chmod(0o750)
    recover(lost.stack, say)
    found = [path.stat() for path in (edge, *deep.parents[1::-1], deep)]
    assert {(one.st_uid, one.st_mode & 0o777) for one in found} == {(10001, 0o750)}


def test_a_host_without_backups_does_not_begin_with_nothing(lost: BackupRig, tmp_path: Path) -> None:
    rig = lost.configure(BackupSettings(target=str(tmp_path / "none")), recover=LATEST)
    with pytest.raises(BackupError, match="no good backup"):
        recover(rig.stack, say)
    assert recovery_of(rig.stack) is None


def test_without_the_setting_it_says_so(lost: BackupRig) -> None:
    with pytest.raises(ConfigError, match="recover: is not set"):
        recover(asking(lost, None).stack, say)


def test_a_recovery_is_read_as_it_was_noted(lost: BackupRig) -> None:
    known = Recovery("latest", "1a2b", "2026-03-01T14:30:00+00:00", 1772375500.0, problems=("one",))
    note_recovery(lost.stack, known)
    assert recovery_of(lost.stack) == known
    assert known.lost_s == 100
