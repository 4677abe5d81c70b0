"""A rehearsal on a copy of a backup, as an operator types it: a real restic, and a real registry in a container."""

from __future__ import annotations

import json
from collections.abc import Iterator

import docker
import pytest

from infra.paths import cache_folder
from ops.core import exit_codes
from ops.tasks.rehearse.scratch import LABEL
from tests.ops.backups.backup_rig import BackupRig
from tests.ops.command_line import regops
from tests.ops.tasks.drill.drill_rig import docker_engine, with_a_backup
from tests.ops.tasks.gc.gc_rig import Image
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[BackupRig]:
    regsync = ensure_images(["regsync"], engine, cache_folder("offline"))["regsync"].reference
    with with_a_backup(tmp_path_factory.mktemp("rig"), engine) as made:
        yield made.configure(made.stack.config.backup, {**made.stack.config.images, "regsync": regsync})


def test_a_copy_of_the_newest_backup_is_rehearsed_on_and_nothing_stays(rig: BackupRig, engine: docker.DockerClient) -> None:
    for number in range(5):  # more than a sample has of one repository
        assert rig.registry.client.push("team/app", f"more-{number}", Image(f"more {number}")).status_code == 201
    # Goes with what it signs, without anybody asking for it.
    assert rig.registry.client.push("team/app", f"sha256-{Image('v1').digest[7:]}.sig", Image("signature")).status_code == 201
    rig.back_up()
    before = rig.registry.blobs()
    told = regops(rig.stack.root, "rehearse", "--actions", "20", "--seed", "mirror", "--json", limit_s=600)
    assert told.returncode == exit_codes.OK, told
    assert told.stderr.startswith("seed mirror; again with `regops rehearse --actions 20 --seed mirror`")
    report = json.loads(told.stdout)["report"]
    assert (report["passed"], report["seed"], report["actions"]) == (True, "mirror", 20), report["problem"]
    assert report["tags"] >= 4
    assert sum(report["counts"].values()) == 20
    assert report["counts"]["sync"]
    assert rig.registry.blobs() == before, "the registry itself has nothing of it"
    label = f"{LABEL}={rig.stack.root}"
    assert engine.containers.list(all=True, filters={"label": label}) == engine.networks.list(filters={"label": label}) == []
    assert not (rig.stack.root / "data/backup/rehearsal").exists()
