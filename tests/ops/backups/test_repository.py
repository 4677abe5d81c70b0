"""What a stack keeps of its backups here is of use to whoever runs `regops` next."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.backups.repository import repository_of
from ops.config import BACKUP_FOLDER, BackupSettings
from ops.registry.index import IndexDamagedError
from tests.ops.backups.dated import Dated, with_restic

pytestmark = pytest.mark.system
_SERVICES = 10001


@pytest.fixture
def dated(tmp_path: Path) -> Dated:
    (tmp_path / BACKUP_FOLDER).mkdir(parents=True)
    return Dated(tmp_path, BackupSettings(target=str(tmp_path / "target")))


def test_users_do_not_share_a_cache(dated: Dated, monkeypatch: pytest.MonkeyPatch) -> None:
    caches = set[Path]()
    for user in (0, _SERVICES):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        caches.add(repository_of(dated.stack).restic.cache)
    assert len(caches) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_leaves_behind_can_be_read_by_the_user_of_all_services(dated: Dated) -> None:
    folder = dated.root / BACKUP_FOLDER
    shutil.chown(folder, _SERVICES, _SERVICES)
    with with_restic():
        dated.backups.all(create=True)
        dated.back_up(datetime.now(UTC))
        with pytest.raises(IndexDamagedError):  # these backups have another content
            dated.backups.index(dated.backups.find())
    owners = {one.relative_to(folder).parts[0]: one.stat().st_uid for one in folder.rglob("*")}
    assert owners == {"indexes": _SERVICES, "cache-0": 0}
