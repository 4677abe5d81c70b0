"""A stack's registry, as tasks work on it: its tree, its read-only mode, and what its containers are asked."""

from __future__ import annotations

from collections.abc import Sequence

from docker.errors import DockerException

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, container_name
from ops.core import exit_codes
from ops.core.docker_engine import connected
from ops.core.process import CommandError, run
from ops.registry.cache import RedisCache
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, writes_in_flight
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack

_REGISTRY, _CACHE, _CACHE_USER = "registry", "cache", "registry"
_CACHE_PASSWORD = "cache/password"  # noqa: S105  # a path
_ANSWER_LIMIT_S = 20.0


class ServiceError(Exception):
    """A service failed; the message says which, and what it printed."""

    exit_code = exit_codes.FAILED


def tree_of(stack: Stack) -> RegistryTree:
    """Return the registry's tree."""
    return RegistryTree(stack.root / stack.config.registry_data)


def read_only_of(stack: Stack) -> ReadOnlyMode:
    """Return a stack's read-only mode, in which the edge holds writes."""
    return ReadOnlyMode(stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE)


def live_registry(stack: Stack, *, image: str = "") -> LiveRegistry:
    """Return the running registry of a stack.

    Args:
        stack: The stack.
        image: Digest of its image, recorded with snapshots.
    """
    tree = tree_of(stack)
    return LiveRegistry(
        tree,
        SnapshotStore(stack.root / stack.config.snapshots, tree),
        read_only_of(stack),
        writes_in_flight=lambda: writes_in_flight(_metrics(stack)),
        cache=RedisCache(lambda commands: _ask_cache(stack, commands)),
        image=image,
    )


def registry_image(stack: Stack) -> str:
    """Return the id of the image that the registry runs.

    Raises:
        EngineError: The Docker engine does not answer.
        ServiceError: There is no such container.
    """
    name = container(stack, _REGISTRY)
    with connected() as engine:
        try:
            return str(engine.containers.get(name).attrs["Image"])
        except DockerException as error:
            raise ServiceError(f"{name} cannot be inspected: {error}") from error


def container(stack: Stack, service: str) -> str:
    """Return the name of a service's container."""
    return container_name(stack.config.stack, service)


def _metrics(stack: Stack) -> str:
    """Return the metrics from the registry's debug port, which only Prometheus can reach."""
    return _inside(stack, _REGISTRY, ["wget", "-q", "-O", "-", stack.config.registry_metrics])


def _ask_cache(stack: Stack, commands: Sequence[Sequence[str]]) -> None:
    """Send commands to the cache, logged in as the registry; the password is sent on standard input."""
    login = ["AUTH", _CACHE_USER, stack.secret(_CACHE_PASSWORD).strip()]
    told = "".join(" ".join(words) + "\n" for words in [login, *commands])
    answers = _inside(stack, _CACHE, ["redis-cli"], stdin=told).splitlines()
    failed = [answer for answer in answers if answer != "OK" and not answer.isdecimal()]
    if failed or len(answers) != 1 + len(commands):
        problem = failed[0] if failed else f"{len(answers)} answers to {1 + len(commands)} commands"
        raise ServiceError(
            f"{container(stack, _CACHE)} cannot be told what was deleted: {problem}; run `up` if the release is old"
        )


def _inside(stack: Stack, service: str, words: list[str], stdin: str | None = None) -> str:
    name = container(stack, service)
    interactive = ["--interactive"] if stdin is not None else []
    try:
        return run(["docker", "exec", *interactive, name, *words], stdin=stdin, timeout=_ANSWER_LIMIT_S).stdout
    except CommandError as error:
        raise ServiceError(f"{name} does not answer: {error}") from error
