"""A production stack on emulated machines: the real program and engine, nothing rented."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import yaml
from hcloud import Client

from infra.images import load_lock
from infra.plan import needed_images
from infra.project import LOCK
from infra.settings import PROJECT, parse
from ops.core.files import write_atomic
from tools.bootstrap.docker_engine import ensure_docker
from tools.bootstrap.engine import ensure_engine
from tools.bootstrap.images import offline_lock
from tools.bootstrap.stack import Stack
from tools.emulation.api.server import Api
from tools.emulation.docker_machines import DockerMachines, sweep
from tools.emulation.shell import run_in

# 64 characters, like a real one; the emulated API accepts no other.
TOKEN_LENGTH = 64
# Services without a package have no image either.
WITHOUT_PACKAGES: Mapping[str, Any] = {
    "monitoring": {"grafana": False, "cadvisor": False},
    "protection": {"enabled": False},
    "ui": {"enabled": False},
}
_ANSWER_LIMIT_S = 900


@dataclass
class EmulatedStack:
    """A production stack, not up yet.

    Attributes:
        name: The stack's name, also the owner of the emulated machines.
        folder: Holds its configuration and state.
        api: The emulated API.
        machines: The emulated machines.
        stack: The stack the engine works on.
        settings: Its configuration keys.
    """

    name: str
    folder: Path
    api: Api
    machines: DockerMachines
    stack: Stack
    settings: dict[str, Any] = field(default_factory=dict)

    def configure(self, **change: Any) -> None:
        """Write the configuration, with some keys changed permanently."""
        self.settings |= change
        values = {f"{PROJECT}:{key}": value for key, value in self.settings.items()}
        write_atomic(self.stack.config, yaml.safe_dump({"config": values}))
        self.stack.prepare()

    def console(self) -> Client:
        """Return the official client of the API, as Hetzner's own console is one."""
        token = self.stack.environment["HCLOUD_TOKEN"]
        return Client(token, api_endpoint=self.api.url, poll_interval=0.1, poll_max_retries=1200)

    def on_server(self, script: str) -> str:
        """Run a shell script as root on the one server; return what it prints, errors included.

        Raises:
            CommandError: It failed.
        """
        (server,) = self.api.state.servers
        container = self.machines.servers.find(server.id)
        assert container is not None, f"the server {server.id} is not there"  # noqa: S101
        return run_in(container, script)

    def release_protection(self) -> None:
        """Give the first of two confirmations that everything may be destroyed; `destroy` gives the second.

        Raises:
            CommandError: The engine failed.
        """
        self.configure(hetzner={**self.settings["hetzner"], "protect": False}, registry={"keep_data": False})
        self.stack.up()


@contextlib.contextmanager
def emulated_stack(name: str, folder: Path, address: str, **settings: Any) -> Iterator[EmulatedStack]:
    """Yield a production stack on its own machines; everything is removed at the end.

    Args:
        name: The stack's name; must be unused.
        folder: Where its configuration and state live.
        address: The loopback address for the server; must be unused.
        settings: Keys that override those of the minimal stack.
    """
    folder.mkdir(parents=True, exist_ok=True)
    docker_host = ensure_docker()
    given = {
        "place": "hetzner",
        "name": name,
        "registry_host": address,
        "edge": {"tls": "internal"},
        "hetzner": {"ssh_from": ["0.0.0.0/0"]},
        **WITHOUT_PACKAGES,
        **settings,
    }
    with contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_ANSWER_LIMIT_S)) as client:
        lock = offline_lock(folder, load_lock(LOCK).keys(), needed_images(parse(given, stack="prod")), client)
        images = [image.reference for image in load_lock(lock).values() if image.reference]
        token = secrets.token_hex(TOKEN_LENGTH // 2)
        engine = ensure_engine(folder / "state", wanted=os.environ.get("PLUGINS", ""))
        sweep(client)
        with (
            contextlib.closing(DockerMachines(client, owner=name, preload=images)) as machines,
            Api(machines, addresses=[address], token=token) as api,
        ):
            environment = {"HCLOUD_TOKEN": token, "HCLOUD_ENDPOINT": api.url, "HETZNER_ENDPOINT": api.url}
            stack = Stack("prod", folder / "state", engine, folder / "Pulumi.prod.yaml", environment=environment)
            made = EmulatedStack(name, folder, api, machines, stack)
            made.configure(**given, images_lock=str(lock))
            yield made
