"""A real edge whose log can be recorded: Caddy with the rendered routes, before a real registry and the gateway."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.paths import cache_folder
from infra.plan import Plan
from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER
from ops.core.process import run
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from stack_components.edge.sign_on import SignOn
from stack_components.sign_on.component import provider
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import PASSWORDS, SERVICE, basic, running, write_files
from tests.ops.gateway.registry_rig import running_registry
from tests.real_programs import registry_binary
from tests.stack_components.edge.caddy import Ports, running_caddy
from tools.offline.tools import ensure_crane

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

    @property
    def read_only_file(self) -> Path:
        """The file that turns on read-only mode."""
        return self.folder / READ_ONLY_FOLDER / READ_ONLY_FILE

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
    gateway_port, ports = free_port(), Ports()
    (folder / READ_ONLY_FOLDER).mkdir()
    write_files(folder, port=gateway_port)
    with (
        running(folder, gateway_port) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
    ):
        upstreams = Upstreams(*(service.url.removeprefix("http://") for service in (registry, gateway)))
        asked = provider(plan)
        sign_on = SignOn(upstreams.gateway, dataclasses.replace(asked, proxy=oauth2_proxy) if asked else None)
        configuration = dataclasses.replace(config(plan), upstreams=upstreams, sign_on=sign_on)
        with running_caddy(configuration, folder, ports):
            yield Edge(f"127.0.0.1:{ports.plain}", folder)
