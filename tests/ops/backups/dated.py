"""A stack with backups of many days, made by a real restic without a registry."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.backups.repository import GOOD, BackupRepository, repository_of
from ops.backups.told import Backup
from ops.config import BACKUP_PASSWORD, REGOPS_FILE, BackupSettings, RegopsConfig, render
from ops.core.process import run
from ops.stack.stack import Stack
from tests.ops.backups.quick_keys import make_repository
from tools.offline.tools import ensure_restic

HOST = "tested"
PASSWORD = "of the tests"  # of nothing else
_LIMIT_S = 60.0
_BLOB = 300_000


@contextlib.contextmanager
def with_restic() -> Iterator[None]:
    """Put the restic that servers have into the path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(ensure_restic(cache_folder("offline")).parent), prepend=":")
        yield


@dataclass(frozen=True)
class Dated:
    """The stack.

    Attributes:
        root: Its folder.
        settings: Its settings of backups.
    """

    root: Path
    settings: BackupSettings

    def __post_init__(self) -> None:
        """Write its configuration."""
        file = self.root / "releases/1" / REGOPS_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        if not (self.root / "current").is_symlink():
            (self.root / "current").symlink_to("releases/1")
        config = RegopsConfig(
            stack=HOST,
            url="http://127.0.0.1:1",
            data="data/regops",
            registry_data="registry",
            snapshots="snapshots",
            backup=self.settings,
        )
        file.write_text(render(config))
        password = self.root / "secrets" / BACKUP_PASSWORD
        password.parent.mkdir(parents=True, exist_ok=True)
        password.write_text(f"{PASSWORD}\n")
        if self.settings.target and self.settings.ssh is None and not Path(self.settings.target).exists():
            make_repository(Path(self.settings.target), PASSWORD)

    @property
    def stack(self) -> Stack:
        """The stack, with its present configuration."""
        return Stack(self.root)

    @property
    def backups(self) -> BackupRepository:
        """Its backups, as the host opens them."""
        return repository_of(self.stack)

    def back_up(self, at: datetime, tag: str = GOOD) -> None:
        """Make a backup of a time, with a file that no other has."""
        stage = self.root / "stage"
        stage.mkdir(exist_ok=True)
        (stage / "index.jsonl").write_text(f"{at.isoformat()}\n")
        (stage / "blob").write_bytes(os.urandom(_BLOB))
        restic = self.backups.restic
        words = ["restic", "--repo", restic.repository, "--password-file", restic.password_file, "--cache-dir", restic.cache]
        words += [*restic.options, "backup", ".", "--host", HOST, "--tag", tag, "--time", f"{at:%Y-%m-%d %H:%M:%S}"]
        run([str(word) for word in words], timeout=_LIMIT_S, cwd=stage, env={**os.environ, "TZ": "UTC"})

    def restorable(self, kept: Sequence[Backup]) -> None:
        """Check that all data is whole, and that these backups say of which time they are."""
        self.backups.restic.check("100%")
        for one in kept:
            assert datetime.fromisoformat(self.backups.restic.text(one.id, "index.jsonl").strip()) == one.made_at
