"""Replaces damaged blobs by what has the same digest in a backup, or in the registry that an image is mirrored from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.backups.errors import BackupError
from ops.backups.repository import BackupRepository, is_good, repository_of
from ops.backups.stage import pooled
from ops.backups.told import Backup
from ops.config import BACKUP_FOLDER, ConfigError
from ops.registry.listing import links_of
from ops.registry.manifests import has_content
from ops.registry.snapshots.trash import Restorer
from ops.stack.mirror import mirrored_from, upstream_of
from ops.stack.stack import Stack
from ops.tasks.scrub.model import ScrubReport
from ops.upstream.client import Upstream, UpstreamError

_NO_BACKUP = "no backup has it"
_LAST_REMEDY = "push the image again, or let `regops gc` delete it if nothing uses it"


def repair(stack: Stack, restorer: Restorer, report: ScrubReport) -> None:
    """Repair what a scrub has found. Call it with the store locked.

    Args:
        stack: Whose.
        restorer: What puts blobs in place.
        report: Has what is damaged; what was repaired, and why the rest was not, is noted in it.

    Raises:
        OSError: The disk is full.
    """
    _Repair(stack, restorer, report).run()


class _Repair:
    def __init__(self, stack: Stack, restorer: Restorer, report: ScrubReport) -> None:
        self._stack, self._restorer, self._report = stack, restorer, report
        self._missing, self._why = set(report.damaged), dict.fromkeys(report.damaged, _NO_BACKUP)
        self._scratch = stack.root / BACKUP_FOLDER / "scrubbed"
        self._upstreams: dict[str, Upstream] = {}

    def run(self) -> None:
        """Try the backups first: they are asked for all blobs at once, and nobody counts how often."""
        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._from_backups()
            if self._missing and (upstreams := mirrored_from(self._stack)):
                self._from_upstreams(upstreams)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._report.unrepaired = {digest: f"{self._why[digest]}; {_LAST_REMEDY}" for digest in sorted(self._missing)}

    def _from_backups(self) -> None:
        """Take each from the newest backup that has it whole: a later one may have been made of the damaged file."""
        try:
            backups = repository_of(self._stack)
            for backup in reversed([one for one in backups.all() if is_good(one)]):
                if self._missing:
                    self._from_backup(backups, backup)
        except BackupError as error:
            self._why.update(dict.fromkeys(self._missing, str(error)))

    def _from_backup(self, backups: BackupRepository, backup: Backup) -> None:
        target = self._scratch / backup.name
        backups.restic.fetch(backup.id, target, [pooled(digest) for digest in sorted(self._missing)])
        for digest in sorted(self._missing):
            file = target / pooled(digest)
            if file.is_file() and has_content(file, digest):
                self._put(file, digest, "a backup")
        shutil.rmtree(target, ignore_errors=True)

    def _from_upstreams(self, upstreams: Mapping[str, Sequence[str]]) -> None:
        sources = self._sources(upstreams)
        for digest in sorted(self._missing):
            for source, name in sources.get(digest, ()):
                registry, _, repository = source.partition("/")
                file = self._scratch / name
                try:
                    self._upstream(registry).fetch(repository, name, file)
                except (UpstreamError, ConfigError) as error:
                    self._why[digest] += f"; {error}"
                    continue
                # Of another algorithm, it was compared with that digest only.
                if name == digest or has_content(file, digest):
                    self._put(file, digest, registry)
                    break

    def _sources(self, upstreams: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, str]]]:
        """Return for each missing blob the upstream repositories that may have it, each with the digest that it has there."""
        found: dict[str, list[tuple[str, str]]] = {}
        for repository, sources in upstreams.items():
            links = links_of(self._restorer.tree, repository)
            for name in {*links.revisions, *links.layers}:
                digest = links.aliases.get(name, name)
                if digest in self._missing:
                    found.setdefault(digest, []).extend((source, name) for source in sources)
        return found

    def _upstream(self, registry: str) -> Upstream:
        """Return a registry, always the same one: it has its tokens."""
        if registry not in self._upstreams:
            self._upstreams[registry] = upstream_of(self._stack, registry)
        return self._upstreams[registry]

    def _put(self, file: Path, digest: str, source: str) -> None:
        self._missing.discard(digest)
        if self._restorer.replace_blob(file, digest):
            self._report.repaired[digest] = source
        else:
            self._report.damaged.remove(digest)  # deleted meanwhile
