"""What is checked before the engine starts, on a real Docker engine."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from infra.settings import Settings, parse
from ops.core.labels import NAME_LABEL, ROOT_LABEL
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.errors import NoSpaceError, SetupError
from tools.bootstrap.preflight import check_names, check_ports, check_space

pytestmark = pytest.mark.system


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """The Docker engine, that the docker command finds too."""
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def settings() -> Settings:
    """Settings with a name that nobody else has."""
    return parse({"name": f"preflight-{secrets.token_hex(4)}"}, stack="test")


@pytest.fixture
def other(client: docker.DockerClient, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """The folder of another stack of that name, of which a network is there."""
    folder = tmp_path / "other"
    folder.mkdir()
    labels = {NAME_LABEL: settings.name, ROOT_LABEL: str(folder)}
    network = client.networks.create(f"{settings.name}-app", labels=labels)
    yield folder
    if client.networks.list(ids=[network.id]):
        network.remove()


def test_a_name_that_is_free_or_ours_is_fine(client: docker.DockerClient, settings: Settings, other: Path) -> None:
    check_names(client, settings, other)
    check_names(client, parse({"name": "free"}, stack="test"), other)


def test_another_stack_is_named(client: docker.DockerClient, settings: Settings, other: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=rf"{settings.name} is taken .* by the stack in {other}; run `make down` there"):
        check_names(client, settings, tmp_path)


def test_what_is_left_of_a_removed_checkout_goes_with_the_command_that_is_told(
    client: docker.DockerClient, settings: Settings, other: Path, tmp_path: Path
) -> None:
    other.rmdir()
    with pytest.raises(SetupError, match=r"a folder that is gone; .* remove them with\n") as told:
        check_names(client, settings, tmp_path)
    subprocess.run(str(told.value).rpartition("\n")[2], shell=True, check=True, timeout=30)  # noqa: S602  # as a user pastes it
    check_names(client, settings, tmp_path)


def test_an_address_that_is_not_this_machines_is_named(client: docker.DockerClient, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    elsewhere = parse({"edge": {"bind": "192.0.2.1", "http_port": port}}, stack="test")
    with pytest.raises(SetupError, match=r"edge\.https_port: port 8443 on 192\.0\.2\.1 cannot be opened: .*address"):
        check_ports(client, elsewhere, tmp_path)


def test_both_ports_are_checked(client: docker.DockerClient, tmp_path: Path) -> None:
    with socket.socket() as free, socket.socket() as taken:
        free.bind(("127.0.0.1", 0))
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"http_port": free.getsockname()[1], "https_port": taken.getsockname()[1]}
        free.close()
        with pytest.raises(SetupError, match=rf"edge\.https_port: port {ports['https_port']} .* is taken"):
            check_ports(client, parse({"edge": ports}, stack="test"), tmp_path)


def test_the_disk_of_a_folder_that_is_not_there_yet_is_looked_at(tmp_path: Path) -> None:
    check_space([tmp_path / "not" / "yet"], needed=1)
    with pytest.raises(NoSpaceError, match=rf"the disk of {tmp_path}/not/yet has \d+ MiB left, and \d+ MiB are needed"):
        check_space([tmp_path / "not" / "yet"], needed=1 << 60)
