"""A Docker engine for emulated machines, and a Storage Box."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.tools.emulation.box import Box, served
from tools.bootstrap.docker_engine import ensure_docker


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine, which programs find too."""
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as client,
    ):
        patch.setenv("DOCKER_HOST", ensure_docker())
        yield client


@pytest.fixture(scope="package")
def box(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box whose accounts' folders tests leave as they were, but for names of their own."""
    with served(engine, tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def name() -> str:
    """A name for what a test makes below the account's folder."""
    return f"n{secrets.token_hex(4)}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a" / "one").write_text("1")
    (tree / "two words").write_text("2")
    return tree
