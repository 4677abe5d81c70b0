"""A CrowdSec that runs as the product declares its container, with its own start script, below a folder."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.errors import APIError
from docker.models.containers import Container

from ops.host.provision import make_folders
from stack_components import access_log
from stack_components.protection.component import BOUNCER_KEY, SPEC, parts
from tests.declared import below_root, declare
from tests.free_ports import free_port
from tests.plans import plan_of
from tests.stack_components.protection.image import crowdsec_image
from tools.bootstrap.docker_engine import ensure_docker

SETTINGS: dict[str, Any] = {"protection": {"allow": ["198.51.100.0/24"]}}
USER = (10001, 10001)
_LIMIT_S = 60.0


@dataclass(frozen=True)
class CrowdSec:
    """A container that runs."""

    container: Container

    @property
    def log(self) -> str:
        """What it has printed."""
        return self.container.logs().decode()

    def url(self, port: int = 8080) -> str:
        """Return the address of one of its ports."""
        published = (self.container.ports[f"{port}/tcp"] or [])[0]
        return f"http://127.0.0.1:{published['HostPort']}"

    def get(self, path: str, *, port: int = 8080, key: str = "") -> httpx.Response:
        """Ask one of its ports."""
        return httpx.get(self.url(port) + path, headers={"X-Api-Key": key}, timeout=10)

    def cscli(self, *words: str) -> tuple[int, str]:
        """Run its own command line once; return its exit code, and what it printed."""
        try:
            done: Any = self.container.exec_run(["cscli", *words], demux=True)
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise
            return 1, str(error)  # its container is restarting
        code, (out, _) = done
        return int(code), (out or b"").decode()

    def tell(self, *words: str) -> None:
        """Run its own command line until it succeeds: without cgo, it does not wait for a database that is locked."""
        wait_until(lambda: self.cscli(*words)[0] == 0, lambda: f"cscli {words}\n{self.log}")

    def ban(self, value: str, reason: str) -> None:
        """Ban an address or a network."""
        words = ["decisions", "add", "--range" if "/" in value else "--ip", value, "--reason", reason, "--bypass-allowlist"]

        def is_banned() -> bool:
            code, listed = self.cscli("decisions", "list", "--output", "json", "--limit", "0")
            alerts = json.loads(listed) or [] if code == 0 else []
            return any((one["value"], one["scenario"]) == (value, reason) for alert in alerts for one in alert["decisions"])

        # A lock between its two writes leaves an alert without its decision, and the answer is success all the same.
        def banned() -> bool:
            return is_banned() or (self.cscli(*words)[0] == 0 and is_banned())

        wait_until(banned, lambda: f"{value} is not banned\n{self.log}")

    def banned(self, key: str) -> list[str]:
        """Return whom the edge is told to ban."""
        answer = self.get("/v1/decisions", key=key)
        if answer.status_code == 403:  # what the API also says when the database is locked
            return []
        return [decision["value"] for decision in answer.raise_for_status().json() or []]


@dataclass(frozen=True)
class Stack:
    """The folder of a stack."""

    root: Path
    engine: docker.DockerClient
    image: str

    def set_key(self, key: str) -> None:
        """Put a bouncer's key into the secrets."""
        path = self.root / "secrets" / BOUNCER_KEY
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key)
        path.chmod(0o600)
        os.chown(path, *USER)

    @contextlib.contextmanager
    def running(self) -> Iterator[CrowdSec]:
        """Run the declared container until it is healthy, and remove it at the end."""
        declared = declare({name: json.dumps(value) for name, value in SETTINGS.items()}).named("crowdsec-container").inputs
        name = f"test-{os.getpid()}-{secrets.token_hex(3)}-crowdsec"
        with contextlib.ExitStack() as removed:
            network = self.engine.networks.create(name, driver="bridge")  # a second engine in tests may take the default one away
            removed.callback(network.remove)
            container = self.engine.containers.create(name=name, network=name, **self._as_declared(declared))
            removed.callback(container.remove, force=True, v=True)
            container.start()
            wait_until(lambda: self._health(container) == "healthy", lambda: container.logs().decode())
            yield CrowdSec(container)

    def _health(self, container: Container) -> str:
        container.reload()
        assert container.status in {"running", "restarting"}, container.logs().decode()
        return str(container.attrs["State"]["Health"]["Status"])

    def _as_declared(self, declared: dict[str, Any]) -> dict[str, Any]:
        mounts = [
            docker.types.Mount(
                mount["target"], str(self.root / below_root(mount["source"])), type="bind", read_only=mount["readOnly"]
            )
            for mount in declared["mounts"]
        ]
        check = declared["healthcheck"]
        return {
            "image": self.image,
            "entrypoint": declared["entrypoints"],
            "command": declared["command"],
            "user": declared["user"],
            "environment": declared["envs"],
            "mounts": mounts,
            "tmpfs": declared["tmpfs"],
            "cap_add": declared["capabilities"]["adds"],
            "cap_drop": declared["capabilities"]["drops"],
            "security_opt": declared["securityOpts"],
            "read_only": declared["readOnly"],
            "mem_limit": f"{declared['memory']:.0f}m",
            "restart_policy": {"Name": declared["restart"]},  # it ends when its database is locked at the wrong moment
            "nano_cpus": int(float(declared["cpus"]) * 10**9),
            "healthcheck": {"test": check["tests"], "interval": 10**9, "timeout": 10**10, "start_period": 6 * 10**10},
            # Ports that Docker chooses are others after a restart.
            "ports": {f"{port}/tcp": ("127.0.0.1", free_port()) for port in (8080, 6060)},
        }


def wait_until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until something is so, or fail with what is shown instead."""
    give_up = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < give_up, what()
        time.sleep(0.2)


@contextlib.contextmanager
def stack_below(folder: Path) -> Iterator[Stack]:
    """Give the folder of a stack, with all that CrowdSec reads but the key."""
    folder.chmod(0o755)
    plan = plan_of(**SETTINGS)
    make_folders(folder, [*SPEC.folders(plan), access_log.FOLDER], USER)
    for part in parts(plan):
        for name, content in part.files.items():
            path = folder / part.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        yield Stack(folder, engine, crowdsec_image(engine))
