"""Every kind of content that clients push stays whole: in a collection, its undo, a backup, a restore to an empty disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.paths import cache_folder
from ops.core import exit_codes
from ops.registry.index import index_of
from ops.registry.listing import listing_of
from ops.registry.restore.model import RestoreScope
from ops.registry.restore.run import restore
from tests.engine.artifact_clients import Oras
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.gc.pushed_kinds import PUSHED_KINDS
from tests.ops.tasks.sync.test_verification import Signer
from tests.real_programs import open_redis_server
from tools.offline.tools import ensure_cosign

pytestmark = pytest.mark.system

TAGS = ("kept", "gone")
IMAGE = "clients/image"


class Pushed:
    """What was pushed: each kind by its bytes, and an image with an attachment and a signature by the clients that make them."""

    def __init__(self, rig: BackupRig, folder: Path) -> None:
        self.rig = rig
        self.oras = Oras(rig.registry.client.url.removeprefix("http://"), folder)
        signer = Signer(ensure_cosign(cache_folder("offline")), folder / "signer")
        for tag in TAGS:
            for kind in PUSHED_KINDS:
                assert kind.push(rig.registry.client, tag, tag).status_code == 201, kind.name
            for done in (self.oras.push(f"{IMAGE}:{tag}"), self.oras.attach(f"{IMAGE}:{tag}")):
                assert done is not None
                assert done.returncode == 0, done
            signer.sign(f"{self.oras.registry}/{IMAGE}:{tag}")
        self.tags = self.tagged()

    def tagged(self) -> dict[str, str]:
        """Return which digest each tag names."""
        index = index_of(listing_of(self.rig.registry.tree))
        return {f"{name}:{tag}": digest for name, one in index.items() for tag, digest in one.tags.items()}

    def problems(self, *tags: str) -> list[str]:
        """Return what is wrong with some of the tags."""
        client = self.rig.registry.client
        problems = [problem for tag in tags for kind in PUSHED_KINDS for problem in kind.problems(client, tag, tag)]
        for tag in tags:
            attached = self.oras.attached(f"{IMAGE}:{tag}")
            assert attached is not None
            if "application/vnd.example.statement" not in attached.stdout:
                problems.append(f"{attached}")
            problems += client.pull(IMAGE, tag)
            subject = self.tags[f"{IMAGE}:{tag}"].replace(":", "-")
            for about in (subject, f"{subject}.sig"):
                problems += client.pull(IMAGE, about)
        return problems


def test_every_kind_stays_whole(tmp_path: Path) -> None:
    for name in ("clients", "host", "cache"):
        (tmp_path / name).mkdir()
    # Without a cache, the registry takes no list of layers, as build caches are.
    with open_redis_server(tmp_path / "cache") as redis, backed_up(tmp_path / "host", cache=redis.address) as rig:
        registry = rig.registry
        pushed = Pushed(rig, tmp_path / "clients")
        assert pushed.problems(*TAGS) == []
        before = registry.store.create("test", index_of(listing_of(registry.tree))).name
        for repository in (IMAGE, *(kind.repository for kind in PUSHED_KINDS)):
            assert registry.client.delete(repository, "gone").status_code == 202
        report = registry.collection(cache=redis.cache).run()
        assert report.removed_blobs > len(PUSHED_KINDS)
        assert pushed.problems("kept") == []
        assert len(pushed.problems("gone")) > len(PUSHED_KINDS)
        restore(registry.live(cache=redis.cache), before, RestoreScope(overwrite=True))
        assert pushed.problems(*TAGS) == []
        assert pushed.tagged() == pushed.tags
        assert rig.back_up().exit_code == exit_codes.OK
        for folder in (registry.tree.top, registry.store.folder):
            shutil.rmtree(folder)
        assert rig.restore().exit_code == exit_codes.OK
        assert pushed.problems(*TAGS) == []
        assert pushed.tagged() == pushed.tags
