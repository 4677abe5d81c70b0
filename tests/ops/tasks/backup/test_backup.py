"""Backups of a real registry by a real restic: what is in one, what is sent, what is told, and what a kill leaves."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from ops.backups.errors import BackupError
from ops.backups.repository import is_good, repository_of
from ops.backups.standing import standing_of
from ops.config import BACKUP_SECOND_PASSWORD, BackupSettings
from ops.core import exit_codes
from ops.core.locks import LockedError
from tests.ops.backups.backup_rig import PASSWORDS, BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import Image, digest_of

pytestmark = pytest.mark.system


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[BackupRig]:
    with backed_up(tmp_path) as rig:
        for tag in ("v1", "v2"):
            assert rig.registry.client.push("team/app", tag, Image(tag)).status_code == 201
        yield rig


def test_a_backup_has_all_of_a_moment_and_nothing_is_sent_while_nothing_changes(rig: BackupRig) -> None:
    first = rig.back_up()
    assert (first.is_new, first.tags, first.blobs, first.exit_code) == (True, 2, 10, exit_codes.OK)
    (found,) = rig.backups.all()
    assert rig.backups.index(found)["team/app"].tags == {"v1": Image("v1").digest, "v2": Image("v2").digest}
    described = json.loads(rig.backups.restic.text(found.id, "backup.json"))
    assert (described["stack"], described["tags"], described["damaged"]) == ("tested", 2, {})
    assert rig.backups.restic.text(found.id, "state/secrets/backup/password") == "of the tests\n"
    again = rig.back_up()
    assert (again.is_new, again.added, again.name) == (False, 0, first.name)
    assert rig.backups.all() == [found]
    rig.registry.client.push("team/app", "v3", Image("v3"))
    third = rig.back_up()
    assert third.is_new
    assert third.added < first.added * 0.8, "only what is new"


def test_the_second_password_opens_the_same_backups(rig: BackupRig) -> None:
    second = rig.stack.root / "secrets" / BACKUP_SECOND_PASSWORD
    kept = second.read_text()
    second.unlink()  # as before the `up` that brought it
    rig.back_up()
    second.write_text(kept)
    again = rig.back_up()
    by_second = repository_of(rig.stack, BACKUP_SECOND_PASSWORD)
    assert by_second.find().name == again.name
    assert "team/app" in by_second.index(by_second.find())
    rig.back_up()
    keys = rig.stack.root / "target/keys"
    assert len(list(keys.iterdir())) == 2, "it is added once"
    (rig.stack.root / "target").rename(rig.stack.root / "lost")
    rig.back_up()
    assert len(by_second.all()) == 1, "a repository that was made anew has it too"


def test_a_change_of_state_alone_is_backed_up_and_one_of_what_changes_all_the_time_is_not(rig: BackupRig) -> None:
    rig.back_up()
    (rig.stack.data / "history.jsonl").write_text("{}\n")
    assert not rig.back_up().is_new
    with contextlib.closing(sqlite3.connect(rig.stack.data / "changes.db")) as ledger, ledger:
        ledger.execute("INSERT INTO records VALUES ('sha256:1')")
        ledger.commit()
        changed = rig.back_up()
    assert changed.is_new
    rig.backups.restic.fetch(rig.backups.find().id, rig.stack.root / "fetched", ["state/data/regops"])
    with contextlib.closing(sqlite3.connect(rig.stack.root / "fetched/state/data/regops/changes.db")) as copy:
        assert copy.execute("SELECT * FROM records").fetchall() == [("sha256:1",)], "what was in the WAL is in the copy"
    assert not (rig.stack.root / "fetched/state/data/regops/locks").exists()


def test_a_dry_run_sends_nothing(rig: BackupRig) -> None:
    shutil.rmtree(rig.stack.root / "target")
    report = rig.back_up(dry_run=True)
    assert (report.tags, report.name) == (2, "")
    assert not (rig.stack.root / "target").exists()


def test_the_stage_pins_nothing_afterwards(rig: BackupRig) -> None:
    seen = list[int]()
    layer = rig.registry.tree.blob(digest_of(Image("v1").blobs[1]))
    rig.back_up(lambda step: seen.append(layer.stat().st_nlink) if step == "linked" else None)
    assert seen == [2]
    assert layer.stat().st_nlink == 1
    assert not (rig.stack.root / "data/backup/stage").exists()


def test_what_is_damaged_is_named_and_the_rest_is_backed_up(rig: BackupRig) -> None:
    rig.registry.tree.blob(digest_of(Image("v1").blobs[1])).unlink()
    report = rig.back_up()
    assert report.exit_code == exit_codes.WARNINGS
    assert list(report.damaged) == ["team/app:v1"]
    assert "is missing" in report.damaged["team/app:v1"]
    assert "damaged: team/app:v1" in report.summary
    assert rig.backups.find().tags


def test_a_registry_that_lost_most_does_not_replace_the_good_backups(rig: BackupRig) -> None:
    for number in range(12):
        rig.registry.client.push("many", f"t{number}", Image("many"))
    good = rig.back_up()
    for number in range(12):
        rig.registry.client.delete("many", f"t{number}")
    lost = rig.back_up()
    assert lost.suspicious
    assert lost.exit_code == exit_codes.WARNINGS
    assert lost.losses.tags == 12
    assert "SUSPICIOUS: 12 tags" in lost.summary
    assert [is_good(one) for one in rig.backups.all()] == [True, False]
    assert rig.backups.find().name == good.name
    noted = standing_of(rig.stack).good
    assert noted
    assert noted.name == good.name, "one meaning of good for all who ask"
    again = rig.back_up()
    assert (again.is_new, again.suspicious, again.exit_code) == (False, True, exit_codes.WARNINGS), "it is told again"
    allowed = rig.configure(BackupSettings(target=rig.stack.config.backup.target, max_loss=1))
    rig.registry.client.push("team/app", "v3", Image("v3"))
    assert not allowed.back_up().suspicious


@pytest.mark.parametrize("step", ["connected", "listed", "linked"])
def test_a_backup_that_was_killed_leaves_nothing_in_the_way_of_the_next(rig: BackupRig, step: str) -> None:
    class KilledError(BaseException):
        pass

    def kill(now: str) -> None:
        if now == step:
            raise KilledError

    with pytest.raises(KilledError):
        rig.back_up(kill)
    left = rig.stack.root / "data/backup/stage/pool"
    left.mkdir(parents=True)
    (left / "left").touch()
    assert rig.back_up().tags == 2
    assert [one for one in rig.backups.all() if is_good(one)]


def test_while_something_is_deleted_there_is_no_backup(rig: BackupRig) -> None:
    with rig.registry.store.locked("gc"), pytest.raises(LockedError, match="gc"):
        rig.back_up()


def test_errors_say_what_to_do(rig: BackupRig) -> None:
    none = rig.configure(BackupSettings())
    with pytest.raises(BackupError, match=r"set backup\.target"):
        none.back_up()
    with_backups = rig.configure(BackupSettings(target=str(rig.stack.root / "target")))
    with pytest.raises(BackupError, match="no good backup"):
        with_backups.backups.find()
    with_backups.back_up()
    (rig.stack.root / "secrets/backup/password").write_text("another\n")
    with pytest.raises(BackupError, match="has another password"):
        with_backups.back_up()


def test_whoever_has_the_backups_without_their_password_has_no_secret(rig: BackupRig) -> None:
    secret, image = token_hex(32), Image("v1").manifest
    (rig.stack.root / "secrets" / "cache").mkdir()
    (rig.stack.root / "secrets" / "cache" / "password").write_text(secret)
    rig.back_up()
    (found,) = rig.backups.all()
    assert rig.backups.restic.text(found.id, "state/secrets/cache/password") == secret, "it is in there"
    files = [path for path in (rig.stack.root / "target").rglob("*") if path.is_file()]
    assert len(files) > 4
    in_clear = [secret.encode(), b64encode(secret.encode()), bytes.fromhex(secret), PASSWORDS[0].encode(), b"team/app", image]
    for path in files:
        content = path.read_bytes()
        assert [one for one in in_clear if one in content or one in str(path).encode()] == [], path
