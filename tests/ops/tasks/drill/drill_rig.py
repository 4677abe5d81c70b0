"""A registry with a backup that a container can serve, and the engine that it runs on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from infra.paths import cache_folder
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.gc.gc_rig import INDEX, MANIFEST, Image
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images


@contextlib.contextmanager
def docker_engine() -> Iterator[docker.DockerClient]:
    """Yield the Docker engine, which what runs inside uses, too."""
    address = ensure_docker()
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(docker.DockerClient(base_url=address)) as engine:
        patch.setenv("DOCKER_HOST", address)
        yield engine


@contextlib.contextmanager
def with_a_backup(folder: Path, engine: docker.DockerClient) -> Iterator[BackupRig]:
    """Run a registry with four tags, of which there is a backup."""
    image = ensure_images(["registry"], engine, cache_folder("offline"))["registry"].reference
    with backed_up(folder) as made:
        rig = made.configure(made.stack.config.backup, {"registry": image})
        client = rig.registry.client
        for tag in ("v1", "v2"):
            assert client.push("team/app", tag, Image(tag)).status_code == 201
        described = [{"mediaType": MANIFEST, "digest": Image(t).digest, "size": len(Image(t).manifest)} for t in ("v1", "v2")]
        content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": described}).encode()
        assert client.push_manifest("team/app", "both", content, INDEX).status_code == 201
        assert client.push("regops/canary", "doctor", Image("canary")).status_code == 201
        rig.back_up()
        yield rig
