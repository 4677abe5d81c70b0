"""The one Docker client that all of these tests share, so that none is left open."""

from __future__ import annotations

from functools import cache

import docker


@cache
def client() -> docker.DockerClient:
    """Return the client of the engine that DOCKER_HOST names."""
    return docker.from_env()


def close() -> None:
    """Close it."""
    client().close()
    client.cache_clear()
