"""A Docker engine, an image and the installed stand-ins for these tests."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import APIClient

from infra.paths import PROJECT_FOLDER
from tests.tools.offline.plugins.busybox import import_busybox
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.plugins.install import install_standins


@pytest.fixture(scope="session")
def engine() -> Iterator[APIClient]:
    """A Docker engine, that plugins find too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", ensure_docker())
        client = APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")
        yield client
        client.close()


@pytest.fixture(scope="session")
def image(engine: APIClient) -> Iterator[str]:
    """The name of a small image with a shell."""
    name = f"stand-in-test-{secrets.token_hex(4)}"
    import_busybox(engine, name)
    yield name
    engine.remove_image(name, force=True)


@pytest.fixture
def own(engine: APIClient) -> Iterator[str]:
    """A name for what a test makes; containers, networks and volumes that begin with it are removed at the end."""
    name = f"stand-in-{secrets.token_hex(4)}"
    yield name
    for container in engine.containers(all=True, filters={"name": name}):
        engine.remove_container(container["Id"], force=True, v=True)
    for network in engine.networks(names=[name]):
        engine.remove_network(network["Id"])
    for volume in engine.volumes(filters={"name": name})["Volumes"] or []:
        engine.remove_volume(volume["Name"], force=True)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the stand-ins; its path has a space."""
    home = tmp_path_factory.mktemp("pulumi home")
    install_standins(home, Path(sys.executable), PROJECT_FOLDER)
    return home
