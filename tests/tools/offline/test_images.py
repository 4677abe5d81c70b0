"""Images made from packages: the real programs, as locked down as services run them, on the machine's own Docker engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from infra.paths import cache_folder
from ops.core.process import CommandError
from tests.daemons import second_engine
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.dockerd import start_dockerd
from tools.offline import images as subject
from tools.offline.debian import PackageError
from tools.offline.images import ImageRef, ensure_images
from tools.offline.recipes import BASE, RECIPES

_LIMIT_S = 30.0
_REGISTRY_CONFIG = "{version: 0.1, storage: {inmemory: {}}, http: {addr: '127.0.0.1:5000'}}"


def test_an_unknown_image_is_told_before_anything_is_built(tmp_path: Path) -> None:
    nowhere = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")
    with contextlib.closing(nowhere), pytest.raises(PackageError, match=f"'grafana' .* {', '.join(sorted(RECIPES))}"):
        ensure_images(["grafana"], nowhere, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client:
        yield client


@pytest.fixture(scope="module")
def images(engine: docker.DockerClient) -> dict[str, ImageRef]:
    return ensure_images(RECIPES, engine, cache_folder("offline"))


@contextlib.contextmanager
def _container(
    engine: docker.DockerClient, image: ImageRef, command: list[str], mount: Path | None = None
) -> Iterator[Container]:
    """Run a container as tightly as services run, perhaps with a file mounted as the registry's configuration."""
    container = engine.containers.run(
        image.reference,
        command,
        detach=True,
        user="10001:10001",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        network_mode="none",
        volumes={str(mount): {"bind": "/etc/distribution/config.yml", "mode": "ro"}} if mount else {},
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _output(engine: docker.DockerClient, image: ImageRef, command: list[str]) -> str:
    with _container(engine, image, command) as container:
        status = container.wait(timeout=_LIMIT_S)["StatusCode"]
        output = container.logs().decode()
    assert status == 0, output
    return output


def _succeeds(container: Container, command: list[str]) -> None:
    """Repeat a health check until it succeeds."""
    give_up = time.monotonic() + _LIMIT_S
    while container.exec_run(command).exit_code != 0:
        assert time.monotonic() < give_up, f"{command}: {container.exec_run(command).output!r}\n{container.logs().decode()}"
        time.sleep(0.1)


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "command", "said"),
    [
        ("registry", ["--version"], "registry github.com/distribution/distribution/v3 v{version}\n"),
        ("redis", ["redis-server", "--version"], "Redis server v={version} "),
        ("redis", ["redis-cli", "--version"], "redis-cli {version}"),
        ("caddy", ["caddy", "version"], "v{version} "),
        ("python", ["python3", "--version"], "Python {version}\n"),
        ("prometheus", ["--version"], "prometheus, version {version}"),
        ("alertmanager", ["--version"], "alertmanager, version {version}"),
        ("node_exporter", ["--version"], "node_exporter, version {version} "),
        ("blackbox_exporter", ["--version"], "blackbox_exporter, version {version} "),
    ],
)
def test_the_program_has_the_version_that_is_told(
    name: str, command: list[str], said: str, engine: docker.DockerClient, images: dict[str, ImageRef]
) -> None:
    assert _output(engine, images[name], command).startswith(said.format(version=images[name].version))


@pytest.mark.system
def test_the_versions_are_those_that_services_need(images: dict[str, ImageRef]) -> None:
    versions = {name: image.version for name, image in images.items()}
    assert versions["registry"] == "3.1.2"
    assert versions["redis"].startswith("8.")
    assert versions["caddy"] == "2.11.7"
    assert versions["python"].startswith("3.13.")
    assert versions["node_exporter"] == "1.12.1"
    assert versions["blackbox_exporter"] == "0.28.0"
    assert versions["redis_exporter"] == "1.88.0"


@pytest.mark.system
def test_the_registry_starts_like_the_official_one_and_can_be_checked(
    engine: docker.DockerClient, images: dict[str, ImageRef], tmp_path: Path
) -> None:
    config = tmp_path / "config.yml"
    config.write_text(_REGISTRY_CONFIG)
    tmp_path.chmod(0o755)
    with _container(engine, images["registry"], ["serve", "/etc/distribution/config.yml"], config) as container:
        _succeeds(container, ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/"])
        missing = container.exec_run(["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/no-such/tags/list"])
        assert missing.exit_code != 0
        assert b"traces export" not in container.logs()


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "command", "check"),
    [
        (
            "caddy",
            ["caddy", "respond", "--listen", "127.0.0.1:8080"],
            ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
        ),
        ("python", ["python3", "-m", "http.server", "8080"], ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]),
        ("redis", ["redis-server", "--save", "", "--dir", "/etc"], ["redis-cli", "ping"]),
    ],
)
def test_a_service_can_be_checked_from_within(
    name: str, command: list[str], check: list[str], engine: docker.DockerClient, images: dict[str, ImageRef]
) -> None:
    with _container(engine, images[name], command) as container:
        _succeeds(container, check)


@pytest.mark.system
@pytest.mark.parametrize("name", ["redis", "python"])
def test_the_layers_together_are_the_packages_unpacked(
    name: str, engine: docker.DockerClient, images: dict[str, ImageRef]
) -> None:
    def run(*command: str) -> list[str]:
        # As root, since some configuration files are not for everybody.
        output = engine.containers.run(images[name].reference, list(command), network_mode="none", remove=True)
        return output.decode().splitlines()

    # dpkg compares every file with the checksum in its package.
    left_out = tuple(f"missing     {pattern.removesuffix('*')}" for pattern in BASE.left_out)
    assert [line for line in run("dpkg", "--verify") if not line.startswith(left_out)] == []
    assert run("dpkg", "--audit") == []


@pytest.mark.system
def test_python_starts_from_compiled_modules(engine: docker.DockerClient, images: dict[str, ImageRef]) -> None:
    output = _output(engine, images["python"], ["python3", "-v", "-c", "import asyncio, ssl, sqlite3, zoneinfo"])
    assert "asyncio/__pycache__/base_events.cpython-313.pyc matches" in output
    assert "could not create" not in output


@pytest.mark.system
def test_an_image_that_the_engine_has_is_not_loaded_again(
    engine: docker.DockerClient, images: dict[str, ImageRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(subject, "_load")
    assert ensure_images(RECIPES, engine, cache_folder("offline")) == images


@pytest.mark.system
@pytest.mark.usefixtures("images")
def test_a_fresh_engine_gets_the_images_from_the_cache(monkeypatch: pytest.MonkeyPatch, images: dict[str, ImageRef]) -> None:
    for builder in ("make_root_filesystem", "ensure_program", "install_wheel"):
        monkeypatch.delattr(subject, builder)
    with second_engine() as second:
        start_dockerd(second.daemon, second.answers)
        with contextlib.closing(docker.DockerClient(base_url=second.address, timeout=300)) as client:
            assert ensure_images(RECIPES, client, cache_folder("offline")) == images


@pytest.mark.system
def test_a_damaged_cache_is_told_with_the_remedy(images: dict[str, ImageRef], tmp_path: Path) -> None:
    assert images
    cache = tmp_path / "cache"
    shutil.copytree(
        cache_folder("offline"), cache, copy_function=os.symlink, ignore=shutil.ignore_patterns(".*", "go-*", "server-*")
    )
    for layer in cache.glob("image-redis-*/layer.tar"):
        content = layer.read_bytes()
        layer.unlink()  # a link into the real cache until now
        layer.write_bytes(content[: len(content) // 2])
    with second_engine() as second:
        start_dockerd(second.daemon, second.answers)
        client = docker.DockerClient(base_url=second.address, timeout=300)
        with contextlib.closing(client), pytest.raises(CommandError, match=f"refused .*; remove {cache} "):
            ensure_images(["redis"], client, cache)
