"""A real edge whose log can be recorded: Caddy with the rendered routes, before a real registry and the gateway."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.paths import cache_folder
from infra.plan import Plan
from offline.tools import ensure_crane
from ops.process import run
from stack_components.edge.component import parts
from stack_components.edge.registry_routes import GATE_FOLDER
from tests.ops.gateway.registry import running_registry
from tests.ops.gateway.support import PASSWORDS, SERVICE, basic, free_port, running, wait_until_up, write_files
from tests.programs import caddy_binary, registry_binary

_LOGGED_WITHIN_S = 10.0


@dataclass(frozen=True)
class Edge:
    """An edge of this machine."""

    host: str
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}"

    def token(self, scope: str, *, account: str | None = None) -> dict[str, str]:
        """Get a token as a client does; return the header that shows it."""
        asked = httpx.get(
            f"{self.url}/auth/token", params={"service": SERVICE, "scope": scope}, headers=basic(account) if account else {}
        )
        return {"Authorization": f"Bearer {asked.raise_for_status().json()['token']}"}

    def crane(self, *arguments: str) -> None:
        """Run crane as the operator."""
        settings = self.folder / "docker"
        settings.mkdir(exist_ok=True)
        signed = base64.b64encode(f"admin:{PASSWORDS['admin']}".encode()).decode()
        (settings / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": signed}}}))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DOCKER_CONFIG": str(settings)}
        run([ensure_crane(cache_folder("offline")), *arguments, "--insecure"], timeout=60, env=environment)

    def recorded(self, address: str, action: Callable[[Edge], None]) -> list[str]:
        """Return what Caddy logs while something is done, as if a client of that address did it.

        All clients of a test are on this machine, and CrowdSec never bans addresses of private use.
        """
        before = len(self._log())
        action(self)
        end = f"/healthz?{time.monotonic_ns()}"
        httpx.get(self.url + end)
        give_up = time.monotonic() + _LOGGED_WITHIN_S
        while not any(end in line for line in self._log()[before:]):
            assert time.monotonic() < give_up, "Caddy logged nothing"
            time.sleep(0.05)
        return [_of_client(line, address) for line in self._log()[before:] if end not in line]

    def _log(self) -> list[str]:
        path = self.folder / "log" / "access.log"
        return path.read_text().splitlines() if path.exists() else []


def _of_client(line: str, address: str) -> str:
    entry = json.loads(line)
    assert entry["request"]["client_ip"] == entry["request"]["remote_ip"] == "127.0.0.1"
    entry["request"] |= {"client_ip": address, "remote_ip": address}
    return json.dumps(entry)


@contextlib.contextmanager
def running_edge(folder: Path, plan: Plan, oauth2_proxy: str = "") -> Iterator[Edge]:
    """Run registry, gateway and the edge of a stack below a folder.

    Args:
        folder: Where everything is.
        plan: The stack's; of its services only these three run.
        oauth2_proxy: Where the edge asks who is signed on, as host:port, with an identity provider.
    """
    gateway_port, port, health = free_port(), free_port(), free_port()
    write_files(folder, port=gateway_port)
    with (
        running(folder, gateway_port) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
    ):
        places = {
            "http://:8080": f"http://:{port}",
            ":443": f":{free_port()}",
            ":9180": f":{health}",
            "registry:5000": registry.url.removeprefix("http://"),
            "gateway:8080": gateway.url.removeprefix("http://"),
            **({"oauth2-proxy:4180": oauth2_proxy} if oauth2_proxy else {}),
        }
        with caddy(caddy_binary(), write(plan, folder, places), f"http://127.0.0.1:{health}/healthz"):
            yield Edge(f"127.0.0.1:{port}", folder)


def write(plan: Plan, folder: Path, places: Mapping[str, str]) -> Path:
    """Write a stack's Caddyfile with addresses and folders of this test; return its path."""
    places = {**places, "file /var/log/caddy": f"file {folder}/log", "file_system /data": f"file_system {folder}"}
    places |= {GATE_FOLDER: f"{folder}/gate"}
    (part,) = parts(plan)
    texts = {name: content.decode() for name, content in part.files.items()}
    for written, place in places.items():
        assert any(written in text for text in texts.values()), written
        texts = {name: text.replace(written, place) for name, text in texts.items()}
    for name, text in texts.items():
        path = folder / "caddy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "caddy" / "Caddyfile"


@contextlib.contextmanager
def caddy(binary: Path, caddyfile_path: Path, health_url: str) -> Iterator[None]:
    """Run Caddy, and kill it at the end."""
    argv = [str(binary), "run", "--config", str(caddyfile_path), "--adapter", "caddyfile"]
    home = caddyfile_path.parent
    with (
        (home / "caddy.log").open("wb") as log,
        subprocess.Popen(
            argv, env={"PATH": os.environ["PATH"], "HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_until_up(health_url, process)
            yield
        finally:
            process.kill()
