"""The container as it is declared, with CrowdSec's own start script: what it may do suffices, and keys can be changed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker
import httpx
import pytest
from docker.models.containers import Container

from bootstrap.docker_engine import ensure_docker
from ops.provision import make_folders
from stack_components.protection.component import BOUNCER_KEY, CONCERN, EDGE_LOGS, parts
from tests.plans import plan_of
from tests.program import declare
from tests.stack_components.protection.image import crowdsec_image

pytestmark = pytest.mark.system

ALLOWED, SCANNER = "198.51.100.7", "203.0.113.7"
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

    def get(self, path: str, *, port: int = 8080, key: str = "") -> httpx.Response:
        """Ask one of its ports."""
        published = (self.container.ports[f"{port}/tcp"] or [])[0]
        return httpx.get(f"http://127.0.0.1:{published['HostPort']}{path}", headers={"X-Api-Key": key}, timeout=10)

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
        name = f"test-crowdsec-{os.getpid()}-{secrets.token_hex(3)}"
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
        assert container.status == "running", container.logs().decode()
        return str(container.attrs["State"]["Health"]["Status"])

    def _as_declared(self, declared: dict[str, Any]) -> dict[str, Any]:
        (old_root,) = {
            str(PurePosixPath(mount["source"]).parents[1]) for mount in declared["mounts"] if mount["target"] == "/opt/protection"
        }
        mounts = [
            docker.types.Mount(
                mount["target"], mount["source"].replace(old_root, str(self.root)), type="bind", read_only=mount["readOnly"]
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
            "nano_cpus": int(float(declared["cpus"]) * 10**9),
            "healthcheck": {"test": check["tests"], "interval": 10**9, "timeout": 10**10, "start_period": 6 * 10**10},
            "ports": {"8080/tcp": ("127.0.0.1", 0), "6060/tcp": ("127.0.0.1", 0)},
        }


def wait_until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    give_up = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < give_up, what()
        time.sleep(0.2)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    plan = plan_of(**SETTINGS)
    tmp_path.chmod(0o755)
    make_folders(tmp_path, [*CONCERN.folders(plan), EDGE_LOGS], USER)
    for part in parts(plan):
        for name, content in part.files.items():
            path = tmp_path / part.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker())) as engine:
        yield Stack(tmp_path, engine, crowdsec_image(engine))


def requests_of(address: str) -> str:
    """What Caddy logs when somebody looks for a WordPress."""
    client = {"remote_ip": address, "client_ip": address, "proto": "HTTP/2.0", "method": "GET", "host": "registry.example.com"}
    lines = [
        {"ts": time.time(), "request": {**client, "uri": f"/wp-{number}/setup.php", "headers": {}}, "status": 404}
        for number in range(20)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def test_a_scanner_in_the_edges_log_is_banned_unless_its_network_is_allowed(stack: Stack) -> None:
    stack.set_key("the-edges-key")
    with stack.running() as crowdsec:
        log = stack.root / EDGE_LOGS / "access.log"
        log.touch(mode=0o640)
        os.chown(log, *USER)
        # It is healthy some seconds before it reads, and then begins at the end.
        wait_until(lambda: "Starting tail" in crowdsec.log, lambda: crowdsec.log)
        with log.open("a") as file:
            file.write(requests_of(ALLOWED))
            file.write(requests_of(SCANNER))
        wait_until(lambda: SCANNER in crowdsec.banned("the-edges-key"), lambda: crowdsec.log)
        assert crowdsec.banned("the-edges-key") == [SCANNER]
        assert "cs_active_decisions" in crowdsec.get("/metrics", port=6060).text


def test_a_new_key_takes_the_place_of_the_old_one(stack: Stack) -> None:
    stack.set_key("the-first-key")
    with stack.running() as crowdsec:
        assert crowdsec.get("/v1/decisions", key="the-first-key").status_code == 200
        assert crowdsec.get("/v1/decisions", key="another-key").status_code == 403
    stack.set_key("the-second-key")
    with stack.running() as crowdsec:
        assert crowdsec.get("/v1/decisions", key="the-second-key").status_code == 200
        assert crowdsec.get("/v1/decisions", key="the-first-key").status_code == 403
