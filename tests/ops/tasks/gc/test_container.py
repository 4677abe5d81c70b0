"""The collector in a container: what it removes from a copy, what it may do, and what a killed one leaves."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
import yaml

from infra.paths import cache_folder
from ops.tasks.gc.collector import CollectorError
from ops.tasks.gc.container import ContainerCollector
from tests.ops.tasks.gc.gc_rig import Image, Rig, running
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system

USER = 10001


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        yield engine


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as rig:
        yield rig


@pytest.fixture
def collector(engine: docker.DockerClient, tmp_path: Path) -> Iterator[ContainerCollector]:
    """Make a container of the registry, which needs not run: its image and its configuration are what matters."""
    image = ensure_images(["registry"], engine, cache_folder("offline"))["registry"]
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}}}))
    container = engine.containers.create(
        image.reference,
        name=f"test-registry-{os.getpid()}-{secrets.token_hex(3)}",
        network_mode="none",
        volumes=[f"{config}:/etc/distribution/config.yml:ro"],
    )
    try:
        yield ContainerCollector(engine, str(container.name))
    finally:
        container.remove(force=True, v=True)


def test_it_removes_what_is_garbage_as_the_owner_of_the_tree(rig: Rig, collector: ContainerCollector) -> None:
    for tag in ("kept", "gone"):
        assert rig.client.push("app", tag, Image(tag)).status_code == 201
    assert rig.client.delete("app", Image("gone").digest).status_code == 202
    if os.geteuid() == 0:
        for path in [rig.tree.root, *rig.tree.root.rglob("*")]:
            os.chown(path, USER, USER)
    report = replace(rig.collection(), collect=collector).run()
    assert report.removed_blobs == 5
    snapshot = rig.store.get(report.snapshot)
    assert {path.stat().st_uid for path in snapshot.tree.top.rglob("*")} == {rig.tree.root.stat().st_uid}
    assert rig.broken() == []
    assert collector.image().startswith("sha256:")


def test_its_last_words_are_told_and_nothing_goes(rig: Rig, collector: ContainerCollector) -> None:
    assert rig.client.push("app", "v1", Image("one")).status_code == 201
    before = rig.blobs()
    rig.tree.tag("app", "v1").write_text("")
    with pytest.raises(CollectorError, match=r"exit code 1:\n.*invalid checksum digest format"):
        replace(rig.collection(), collect=collector).run()
    assert rig.blobs() == before
    assert rig.store.all() == []


def test_what_a_killed_run_left_is_removed(engine: docker.DockerClient, collector: ContainerCollector, tmp_path: Path) -> None:
    image = engine.containers.get(collector.registry).attrs["Image"]
    engine.containers.create(image, ["garbage-collect"], name=collector.name, network_mode="none")
    collector.clear()
    assert collector.name not in [one.name for one in engine.containers.list(all=True)]
    (tmp_path / "root").mkdir()
    shutil.chown(tmp_path / "root", os.geteuid())
    with pytest.raises(CollectorError, match="container failed"):
        replace(collector, registry="none-of-that-name")(tmp_path / "root", delete_untagged=True)
