"""The gateway that tests of its routes ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import FailureLimits
from ops.gateway.__main__ import assemble
from tests.ops.gateway.client import Client
from tests.ops.gateway.gateway_rig import write_files


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    config = write_files(tmp_path, failures=FailureLimits(per_client=5, per_account=3, window_s=60))
    gateway = assemble(config)
    yield Client(gateway, config)
    gateway.login.close()
    gateway.events.close()
