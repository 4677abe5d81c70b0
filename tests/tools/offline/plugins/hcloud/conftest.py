"""The stand-in and an emulated API for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.offline.plugins.client import Client, running
from tests.tools.offline.plugins.hcloud.world import World, world
from tools.offline.plugins.version import plugin_version


@pytest.fixture(scope="session")
def program(home: Path) -> Path:
    """The stand-in."""
    return home / "plugins" / f"resource-hcloud-v{plugin_version('hcloud')}" / "pulumi-resource-hcloud"


@pytest.fixture(scope="module")
def emulated() -> Iterator[World]:
    """An API."""
    with world() as made:
        yield made


@pytest.fixture
def there(emulated: World) -> World:
    """The API, as if it were new."""
    emulated.reset()
    return emulated


@pytest.fixture(scope="module")
def client(program: Path, emulated: World) -> Iterator[Client]:
    """The stand-in, running, with the API."""
    with pytest.MonkeyPatch.context() as patch, running(program) as made:
        patch.delenv("HCLOUD_TOKEN", raising=False)
        emulated.configure(made)
        yield made
