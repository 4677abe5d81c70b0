"""A real Redis for registries that have a cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_programs import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that lets everybody do everything."""
    with redis_server(
        tmp_path_factory.mktemp("redis"),
        'bind *\nprotected-mode no\nsave ""\naclfile /run/secrets/users.acl\n',
        "user default on nopass ~* &* +@all\n",
    ) as server:
        yield server
