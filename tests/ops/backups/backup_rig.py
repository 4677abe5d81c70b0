"""A real registry whose stack is backed up by a real restic to a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from infra.paths import cache_folder
from ops.backups.repository import BackupRepository, repository_of
from ops.config import REGOPS_FILE, BackupSettings, RecoverySettings, RegopsConfig, render
from ops.registry.index import Index
from ops.registry.restore.model import RestoreScope
from ops.stack.stack import Stack
from ops.tasks.backup.model import BackupReport
from ops.tasks.backup.run import back_up
from ops.tasks.restore.placeholders import mount_of
from ops.tasks.restore.run import Chosen, FromBackup, restore_from, source_of
from tests.ops.backups.quick_keys import make_repository
from tests.ops.tasks.gc.gc_rig import Rig, running
from tools.offline.debian import apt_install
from tools.offline.tools import ensure_restic

PASSWORDS = ("of the tests", "of the tests' drill")
EVERYTHING = RestoreScope.of("", everything=True)


@dataclass(frozen=True)
class BackupRig:
    """A registry, the stack that it belongs to, and its backups."""

    registry: Rig
    stack: Stack

    @property
    def backups(self) -> BackupRepository:
        """Its backups."""
        return repository_of(self.stack)

    def back_up(self, step: Callable[[str], None] = lambda _: None, *, dry_run: bool = False) -> BackupReport:
        """Back up."""
        return back_up(self.stack, step, dry_run=dry_run)

    def restore(self, scope: RestoreScope = EVERYTHING, chosen: Chosen = Chosen()) -> FromBackup:  # noqa: B008
        """Restore into the running registry."""
        return restore_from(source_of(self.stack, chosen, scope), self.registry.live(), scope, lambda _: None)

    def unserved(self, _: Stack, index: Index) -> list[str]:
        """Return what is wrong with the tags of an index. Its registry, unlike a stack's, lets everybody pull."""
        return [problem for name, one in index.items() for tag in one.tags for problem in self.registry.client.pull(name, tag)]

    def lose(self) -> BackupRig:
        """Lose all but the secrets and the release, and return it as it asks for a recovery."""
        mount_of(self.stack).stop()
        for folder in (self.registry.tree.top, self.registry.store.folder, self.stack.root / "data"):
            shutil.rmtree(folder, ignore_errors=True)
        self.stack.data.mkdir(parents=True)
        return self.configure(self.stack.config.backup, recover=RecoverySettings())

    def configure(
        self,
        settings: BackupSettings,
        images: Mapping[str, str] = MappingProxyType({}),
        recover: RecoverySettings | None = None,
    ) -> BackupRig:
        """Return it with other settings."""
        config = RegopsConfig(
            stack="tested",
            url=self.registry.client.url,
            data="data/regops",
            registry_data="registry",
            snapshots="snapshots",
            backup=settings,
            images=images,
            recover=recover,
        )
        file = self.stack.root / "releases" / "1" / REGOPS_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render(config))
        return BackupRig(self.registry, Stack(self.stack.root))


@contextlib.contextmanager
def backed_up(folder: Path, *, cache: str = "") -> Iterator[BackupRig]:
    """Run a registry, which may have a cache, whose stack has backups in a folder beside it."""
    with running(folder, cache=cache) as registry, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(ensure_restic(cache_folder("offline")).parent), prepend=":")
        if not os.geteuid():
            apt_install("fuse3", "fusermount", purpose="serving from backups")
        (folder / "current").symlink_to("releases/1")
        make_repository(folder / "target", *PASSWORDS)
        files = {
            "secrets/backup/password": f"{PASSWORDS[0]}\n",
            "secrets/backup/second_password": f"{PASSWORDS[1]}\n",
            "data/edge/account.json": "{}",
        }
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        (folder / "data/regops").mkdir()
        with contextlib.closing(sqlite3.connect(folder / "data/regops/changes.db")) as ledger:
            ledger.executescript("PRAGMA journal_mode = WAL; CREATE TABLE records (digest TEXT)")
        rig = BackupRig(registry, Stack(folder)).configure(BackupSettings(target=str(folder / "target")))
        try:
            yield rig
        finally:
            mount_of(rig.stack).stop()
