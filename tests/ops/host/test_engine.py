"""What is seen of a stack's containers and networks in a real Docker engine."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.core.labels import REVISION_LABEL, ROOT_LABEL
from ops.host.engine import look
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

pytestmark = pytest.mark.system


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    with contextlib.closing(docker.from_env()) as engine:
        yield engine


@pytest.fixture
def name() -> str:
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def container(tmp_path: Path, engine: docker.DockerClient, name: str) -> Iterator[Container]:
    """The one container of a stack, which reads a part, and a network."""
    config = {"stack": name, "services": {"cache": {"cpus": 0.25, "memory_mib": 64}}}
    (tmp_path / "current/regops").mkdir(parents=True)
    (tmp_path / "current/regops/regops.json").write_text(json.dumps(config))
    mounted = {folder: tmp_path / folder for folder in ("parts/cache-1", "live/cache", "secrets/live/cache")}
    for folder in mounted.values():
        folder.mkdir(parents=True)
    labels = {ROOT_LABEL: str(tmp_path), REVISION_LABEL: "abc"}
    network = engine.networks.create(name, labels=labels)
    made = engine.containers.run(
        ensure_images(["redis"], engine, cache_folder("offline"))["redis"].reference,
        ["sleep", "60"],
        name=f"{name}-cache",
        network=name,
        labels=labels,
        nano_cpus=250_000_000,
        mem_limit="64m",
        memswap_limit="64m",
        volumes=[f"{path}:/mounted/{folder}:ro" for folder, path in mounted.items()],
        stop_signal="SIGKILL",
        detach=True,
    )
    yield made
    with contextlib.suppress(docker.errors.NotFound):
        made.remove(force=True)
    network.remove()


def seen(root: Path, *changed: str) -> dict[str, Any]:
    found = look(root, changed)
    assert found is not None
    return found


def test_what_is_as_it_was_installed_has_no_fault(tmp_path: Path, container: Container, name: str) -> None:
    reloaded = [f"{tmp_path}/{folder}/cache/current" for folder in ("live", "secrets/live")]
    assert seen(tmp_path, f"{tmp_path}/parts/edge-1/Caddyfile", *reloaded) == {
        "networks": {name: "abc"},
        "containers": {container.name: {"revision": "abc", "networks": [name], "fault": ""}},
    }


def test_what_was_done_by_hand_is_a_fault(tmp_path: Path, container: Container) -> None:
    def fault(*changed: str) -> str:
        return str(seen(tmp_path, *changed)["containers"][container.name]["fault"])

    part = tmp_path / "parts/cache-1"
    assert fault(f"{part}/redis.conf") == f"reads {part}, which has changed"
    part.rmdir()
    assert fault() == f"has lost {part}"
    part.mkdir()
    container.update(mem_limit="96m", memswap_limit="96m")
    assert fault() == "has other limits"
    container.pause()
    assert fault() == "is not running (paused)"
    container.unpause()
    container.stop()
    assert fault() == "is not running (exited)"
    container.remove()
    assert fault() == "is missing"


def test_an_engine_that_does_not_answer_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"unix://{tmp_path}/none.sock", "tcp://127.0.0.1:1"):
        monkeypatch.setenv("DOCKER_HOST", address)
        assert look(tmp_path, []) is None
