"""Checks of backups: a fourteenth each day, all of it in two weeks, and damage is found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.tasks.backup.compare import compared
from ops.tasks.backup.verify import Verified, verify
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.backup.faulty import over_ssh
from tests.ops.tasks.gc.gc_rig import Image
from tests.tools.offline.plugins.command.sshd import Sshd, sshd

pytestmark = pytest.mark.system
TODAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    with backed_up(tmp_path_factory.mktemp("rig")) as rig:
        rig.registry.client.push("team/app", "v1", Image("v1"))
        rig.back_up()
        yield rig


def test_each_day_reads_another_part(rig: BackupRig) -> None:
    assert standing_of(rig.stack).verified_age_s(time.time()) is None, "made, but not verified"
    told = list[str]()
    for day in range(2):
        assert verify(rig.stack, TODAY + timedelta(days=day), everything=False, tell=told.append).exit_code == exit_codes.OK
    assert len({line for line in told if "/14 of the data" in line}) == 2
    good, verified = standing_of(rig.stack).good, standing_of(rig.stack).verified
    assert good
    assert verified
    assert (verified.name, verified.current, verified.backups) == (good.name, good.current, 1)
    assert rig.back_up().is_new is False
    now = standing_of(rig.stack).good
    assert now
    assert (now.name, now.current > good.current) == (good.name, True), "what is unchanged is as good as new"


def test_backups_are_compared_with_each_other_and_with_now(rig: BackupRig) -> None:
    first = rig.backups.find().name
    rig.registry.client.push("team/app", "v2", Image("v2"))
    rig.back_up()
    assert compared(rig.stack, first, "latest").added == ["team/app:v2"]
    rig.registry.client.push("team/app", "v1", Image("moved"))
    rig.registry.client.delete("team/app", "v2")
    now = compared(rig.stack, "latest", "now")
    assert (now.added, now.removed, now.moved) == ([], ["team/app:v2"], ["team/app:v1"])


def test_a_flipped_byte_is_found(rig: BackupRig) -> None:
    pack = max((rig.stack.root / "target/data").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    content = bytearray(pack.read_bytes())
    content[100] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    found = verify(rig.stack, TODAY, everything=True, tell=lambda _: None)
    assert found.exit_code == exit_codes.MISMATCH
    assert "damaged" in found.summary
    assert standing_of(rig.stack).verified is None, "none counts as verified any more"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as server:
        yield server


@pytest.fixture
def by_ssh(rig: BackupRig, server: Sshd, tmp_path: Path) -> BackupRig:
    """The rig with backups of its own on a server."""
    there = over_ssh(rig, server, tmp_path / "target")
    there.back_up()
    return there


def pack_of(folder: Path) -> Path:
    """The largest file with data, of which the server is asked on `day_of` it."""
    return max((file for file in (folder / "target/data").rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)


def day_of(pack: str) -> date:
    return next(day for day in (TODAY + timedelta(days=n) for n in range(14)) if day.toordinal() % 14 == int(pack[:2], 16) % 14)


def verified(rig: BackupRig, day: date) -> Verified:
    return verify(rig.stack, day, everything=False, tell=lambda _: None)


def test_a_server_with_checksums_reads_its_files_itself(by_ssh: BackupRig, tmp_path: Path) -> None:
    day = day_of(pack_of(tmp_path).name)
    found = verified(by_ssh, day)
    assert (found.exit_code, found.by_server) == (exit_codes.OK, True)
    assert "checked on their server" in found.summary
    noted = standing_of(by_ssh.stack).verified
    assert noted
    assert noted.by_server
    assert not verify(by_ssh.stack, day, everything=True, tell=lambda _: None).by_server, "all of it is read back"


def test_what_the_server_finds_to_be_another_is_read_back_and_judged_by_restic(by_ssh: BackupRig, tmp_path: Path) -> None:
    pack = pack_of(tmp_path)
    broken_off = pack.with_name(f"{pack.name[:-1]}{int(pack.name[-1], 16) ^ 1:x}")
    broken_off.write_bytes(b"half of it")
    found = verified(by_ssh, day_of(pack.name))
    assert (found.exit_code, found.by_server) == (exit_codes.OK, False), "no backup needs it"
    broken_off.unlink()
    content = bytearray(pack.read_bytes())
    content[100] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    found = verified(by_ssh, day_of(pack.name))
    assert (found.exit_code, found.by_server) == (exit_codes.MISMATCH, False)
    assert standing_of(by_ssh.stack).verified is None


def test_where_no_command_may_be_run_the_data_is_read_back(by_ssh: BackupRig, server: Sshd, tmp_path: Path) -> None:
    keys = server.folder / "user.pub"
    before = keys.read_text()
    keys.write_text(f'restrict,command="internal-sftp" {before}')
    try:
        found = verified(by_ssh, day_of(pack_of(tmp_path).name))
    finally:
        keys.write_text(before)
    assert (found.exit_code, found.by_server) == (exit_codes.OK, False)
    assert "read back" in found.summary


def test_a_key_that_is_tied_to_adding_and_reading_is_not_asked_for_more(by_ssh: BackupRig) -> None:
    settings = by_ssh.stack.config.backup.model_copy(update={"append_only": True})
    assert by_ssh.backups.shell
    assert by_ssh.configure(settings).backups.shell is None
