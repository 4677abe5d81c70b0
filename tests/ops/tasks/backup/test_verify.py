"""Checks of backups: a fourteenth each day, all of it in two weeks, and damage is found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from ops.backups.standing import standing_of
from ops.core import exit_codes
from ops.tasks.backup.compare import compared
from ops.tasks.backup.verify import verify
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import Image

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
