"""A Debian 13 with the files of a server."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from infra.server import host_files
from infra.server.schedule import requests, schedule
from tests.infra.server.debian13 import Debian13, debian13
from tests.infra.server.plans import plan, with_console

ROOT = PurePosixPath("/srv/private-registry")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Debian13:
    folder = tmp_path_factory.mktemp("server")
    for file in host_files(ROOT, tasks=schedule(plan()), asked=requests(with_console()), recovers=True):
        path = folder / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        path.chmod(0o644)
    return debian13(folder)
