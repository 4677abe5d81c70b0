"""Connects to this host's Docker engine; pings it first, for an error that says what is wrong."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import docker
from docker.errors import DockerException

from ops.core import exit_codes

DEFAULT_SOCKET = "/var/run/docker.sock"
_SCHEME = "unix://"
_PING_LIMIT_S = 5.0
_ANSWER_LIMIT_S = 60


class EngineError(DockerException):
    """The engine does not answer; the message says which and why."""

    exit_code = exit_codes.FAILED


def ping(path: str) -> None:
    """Ping an engine. Not with the Docker library, which wraps the error three times and leaves its socket open.

    Args:
        path: Path of its socket.

    Raises:
        OSError: It does not answer.
        HTTPException: What answers is not a Docker engine.
    """
    with socket.socket(socket.AF_UNIX) as probe, contextlib.closing(HTTPConnection("docker")) as connection:
        probe.settimeout(_PING_LIMIT_S)
        probe.connect(path)
        connection.sock = probe
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
    if status != HTTPStatus.OK:
        raise ConnectionError(f"it answers with status {status}")


@contextlib.contextmanager
def connected(timeout: int = _ANSWER_LIMIT_S) -> Iterator[docker.DockerClient]:
    """Yield a client for the engine that DOCKER_HOST names, or for this host's.

    Args:
        timeout: How many seconds it may take to answer.

    Raises:
        EngineError: It does not answer.
    """
    address = os.environ.get("DOCKER_HOST") or f"{_SCHEME}{DEFAULT_SOCKET}"
    try:
        if address.startswith(_SCHEME):
            ping(address.removeprefix(_SCHEME))
        engine = docker.from_env(timeout=timeout)
    except (OSError, HTTPException, DockerException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EngineError(f"no Docker engine answers at {address}: {reason}") from error
    with contextlib.closing(engine):
        yield engine
