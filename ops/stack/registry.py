"""A stack's registry, as tasks work on it: its tree, its read-only mode, and what its containers are asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core import exit_codes
from ops.core.process import CommandError, Conversation
from ops.registry.cache import RedisCache
from ops.registry.client import Login
from ops.registry.holds import Holds
from ops.registry.live import LiveRegistry
from ops.registry.read_only import ReadOnlyMode, writes_in_flight
from ops.registry.snapshots.store import SnapshotStore
from ops.stack.places import container, tree_of
from ops.stack.stack import Stack

_REGISTRY, _CACHE, _CACHE_USER = "registry", "cache", "registry"
_CACHE_PASSWORD = "cache/password"  # noqa: S105  # a path
_ANSWER_LIMIT_S = 20.0
_FETCHED = "# fetched\n"
# To start something in a container takes longer than what it does there, and writes wait for that: it stays and fetches again.
_FETCHING = 'while read -r _; do wget -q -O - "$1" && echo "# fetched" || exit; done'


class ServiceError(Exception):
    """A service failed; the message says which, and what it printed."""

    exit_code = exit_codes.FAILED


def operator_login(stack: Stack) -> Login:
    """Return the operator's account at a stack's registry.

    Raises:
        ConfigError: It cannot be read.
    """
    return Login(*(stack.secret(name) for name in ("registry_user", "registry_pass")))


def read_only_of(stack: Stack) -> ReadOnlyMode:
    """Return a stack's read-only mode, in which the edge holds writes."""
    return ReadOnlyMode(stack.root / READ_ONLY_FOLDER / READ_ONLY_FILE, note=holds_of(stack).add)


def holds_of(stack: Stack) -> Holds:
    """Return the times that tasks have held writes."""
    return Holds(stack.data / "read-only.jsonl")


@contextlib.contextmanager
def live_registry(stack: Stack, *, image: str = "") -> Iterator[LiveRegistry]:
    """Yield the running registry of a stack. Its containers can be asked as long as the block runs.

    Args:
        stack: The stack.
        image: Digest of its image, recorded with snapshots.
    """
    tree = tree_of(stack)
    registry = _inside(stack, _REGISTRY, ["sh", "-c", _FETCHING, "sh", stack.config.registry_metrics])
    with registry as metrics, _inside(stack, _CACHE, ["redis-cli"]) as cache:
        yield LiveRegistry(
            tree,
            SnapshotStore(stack.root / stack.config.snapshots, tree),
            read_only_of(stack),
            writes_in_flight=lambda: writes_in_flight(_metrics(stack, metrics)),
            cache=RedisCache(lambda commands: _tell_cache(stack, cache, commands)),
            image=image,
        )


def registry_image(stack: Stack) -> str:
    """Return the id of the image that the registry runs.

    Raises:
        EngineError: The Docker engine does not answer.
        ServiceError: There is no such container.
    """
    # Docker's library takes longer to import than all that most tasks do.
    from docker.errors import DockerException  # noqa: PLC0415

    from ops.core.docker_engine import connected  # noqa: PLC0415

    name = container(stack, _REGISTRY)
    with connected() as engine:
        try:
            return str(engine.containers.get(name).attrs["Image"])
        except DockerException as error:
            raise ServiceError(f"{name} cannot be inspected: {error}") from error


def restart_registry(stack: Stack) -> None:
    """Restart the registry if it runs.

    Raises:
        ServiceError: It cannot be restarted.
    """
    from docker.errors import DockerException, NotFound  # noqa: PLC0415

    from ops.core.docker_engine import connected  # noqa: PLC0415

    name = container(stack, _REGISTRY)
    try:
        with connected() as engine:
            found = engine.containers.get(name)
            if found.status == "running":
                found.restart()
    except NotFound:
        return
    except DockerException as error:
        raise ServiceError(f"{name} cannot be restarted: {error}") from error


def _inside(stack: Stack, service: str, words: list[str]) -> Conversation:
    return Conversation(["docker", "exec", "--interactive", container(stack, service), *words], timeout=_ANSWER_LIMIT_S)


def _metrics(stack: Stack, registry: Conversation) -> str:
    """Return the metrics from the registry's debug port, which only Prometheus can reach."""
    return _answer(stack, _REGISTRY, registry, "\n", _FETCHED.__eq__)


def _tell_cache(stack: Stack, cache: Conversation, commands: Sequence[Sequence[str]]) -> None:
    """Send commands to the cache, logged in as the registry; the password is sent on standard input."""
    told = [["AUTH", _CACHE_USER, stack.secret(_CACHE_PASSWORD).strip()], *commands]
    answers: list[str] = []

    def complete(line: str) -> bool:
        answers.append(line.strip())
        return not _accepted(answers[-1]) or len(answers) == len(told)

    _answer(stack, _CACHE, cache, "".join(" ".join(words) + "\n" for words in told), complete)
    if not _accepted(answers[-1]):
        cache.end()  # the answers that are still to come belong to no other question
        raise ServiceError(
            f"{container(stack, _CACHE)} cannot be told what was deleted: {answers[-1]}; run `up` if the release is old"
        )


def _accepted(answer: str) -> bool:
    return answer == "OK" or answer.isdecimal()


def _answer(stack: Stack, service: str, asked: Conversation, told: str, complete: Callable[[str], bool]) -> str:
    try:
        return asked.ask(told, complete)
    except CommandError as error:
        raise ServiceError(f"{container(stack, service)} does not answer: {error}") from error
