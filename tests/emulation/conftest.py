"""A Docker engine for emulated machines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import docker
import pytest

from bootstrap.docker_engine import ensure_docker


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine, which programs find too."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client,
    ):
        patch.setenv("DOCKER_HOST", ensure_docker())
        yield client
