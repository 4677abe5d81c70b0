"""The command plugin of these tests: the stand-in, or the official one in the folder that OFFICIAL_PLUGINS names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.offline.plugins.client import Client, running
from tests.tools.offline.plugins.command.sshd import Sshd, sshd
from tools.offline.plugins.version import plugin_version


@pytest.fixture(scope="package")
def client(home: Path) -> Iterator[Client]:
    """The plugin, configured; it knows of no SSH agent."""
    folder = Path(os.environ.get("OFFICIAL_PLUGINS") or home / "plugins")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        with running(folder / f"resource-command-v{plugin_version('command')}" / "pulumi-resource-command") as client:
            client.configure()
            yield client


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that runs."""
    with sshd(tmp_path_factory.mktemp("sshd") / "server") as server:
        yield server


@pytest.fixture(scope="package")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Another server, with other keys."""
    with sshd(tmp_path_factory.mktemp("sshd") / "other") as server:
        yield server
