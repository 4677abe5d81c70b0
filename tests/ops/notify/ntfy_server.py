"""The real ntfy server, with an account that may use one topic, in a container that is removed at the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import urllib3
from docker.models.containers import Container

from infra.paths import cache_folder
from tests.free_ports import free_port
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

TOPIC = "registry-alerts"
_LIMIT_S = 30.0
_PORT = 8080


@dataclass(frozen=True)
class NtfyServer:
    """A server that may be stopped and started; it keeps what it has taken."""

    container: Container
    url: str
    token: str

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.container.start()
        give_up = time.monotonic() + _LIMIT_S
        while not self._answers():
            assert time.monotonic() < give_up, self.container.logs().decode()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it."""
        self.container.stop(timeout=5)

    def messages(self) -> list[dict[str, Any]]:
        """Return what the topic has, in order."""
        with urllib3.PoolManager(retries=False) as pool:
            url = f"{self.url}/{TOPIC}/json?poll=1&since=all"
            answer = pool.request("GET", url, headers={"Authorization": f"Bearer {self.token}"})
        assert answer.status == 200, answer.data
        return [json.loads(line) for line in answer.data.splitlines()]

    def _answers(self) -> bool:
        with urllib3.PoolManager(retries=False, timeout=2.0) as pool:
            try:
                return pool.request("GET", f"{self.url}/v1/health").status == 200
            except urllib3.exceptions.HTTPError:
                return False


@contextlib.contextmanager
def ntfy_server(settings: Mapping[str, str] | None = None) -> Iterator[NtfyServer]:
    """Run ntfy as an operator does who lets only accounts in.

    Args:
        settings: Further variables of its environment.
    """
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine, contextlib.ExitStack() as removed:
        image = ensure_images(["ntfy"], engine, cache_folder("offline"))["ntfy"]
        name = f"test-ntfy-{os.getpid()}-{secrets.token_hex(3)}"
        # In a volume and not in memory, which a stop would empty.
        volume = engine.volumes.create(name)
        removed.callback(volume.remove, force=True)
        network = engine.networks.create(name, driver="bridge")  # a second engine in tests may take the default one away
        removed.callback(network.remove)
        port = free_port()  # the same again after a stop
        container = engine.containers.create(
            image.reference,
            ["serve"],
            name=name,
            network=name,
            read_only=True,
            cap_drop=["ALL"],
            volumes={name: {"bind": "/data", "mode": "rw"}},
            tmpfs={"/tmp": ""},  # noqa: S108  # the container's own
            ports={f"{_PORT}/tcp": ("127.0.0.1", port)},
            environment={
                "NTFY_LISTEN_HTTP": f":{_PORT}",
                "NTFY_CACHE_FILE": "/data/cache.db",
                "NTFY_AUTH_FILE": "/data/auth.db",
                "NTFY_AUTH_DEFAULT_ACCESS": "deny-all",
                **(settings or {}),
            },
        )
        removed.callback(container.remove, force=True, v=True)
        server = NtfyServer(container, f"http://127.0.0.1:{port}", "")
        server.start()
        _call(container, "user", "add", "regops")
        _call(container, "access", "regops", TOPIC, "read-write")
        token = re.search(r"tk_\w+", _call(container, "token", "add", "regops"))
        assert token
        yield NtfyServer(container, server.url, token[0])


def _call(container: Container, *words: str) -> str:
    code, output = container.exec_run(["ntfy", *words], environment={"NTFY_PASSWORD": secrets.token_hex(8)})
    assert isinstance(output, bytes)
    assert code == 0, output
    return output.decode()
