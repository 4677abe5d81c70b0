"""A real Redis for registries that have a cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_programs import RedisServer, open_redis_server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that lets everybody do everything."""
    with open_redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server
