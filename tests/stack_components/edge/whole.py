"""What stands before a registry in a stack, for tests: the real gateway, and the real Caddy with a stack's configuration."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, Access
from ops.registry.read_only import ReadOnlyMode
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from tests.ops.gateway.gateway_rig import PULL_ALL, Process, running_anew
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.plans import plan_of
from tests.real_programs import registry_binary
from tests.stack_components.edge.caddy import Ports, RunningCaddy, running_caddy

# What `running_team` has pushed to, as v1; and a token's scope for it.
REPOSITORY = "team/app"
SCOPE = f"repository:{REPOSITORY}:pull,push,delete"


@dataclass(frozen=True)
class Edge:
    """An edge and its gateway, which run.

    Attributes:
        folder: Where the files of both are.
        caddy: The edge.
        gateway: The gateway.
    """

    folder: Path
    caddy: RunningCaddy
    gateway: Process

    @property
    def url(self) -> str:
        """The edge's address without TLS."""
        return self.caddy.url

    @property
    def read_only_file(self) -> Path:
        """The file that turns on read-only mode."""
        return self.folder / READ_ONLY_FOLDER / READ_ONLY_FILE

    @contextlib.contextmanager
    def read_only(self, *, limit_s: float = 120.0) -> Iterator[ReadOnlyMode]:
        """Turn on read-only mode as a task does."""
        mode = ReadOnlyMode(self.read_only_file, limit_s)
        mode.turn_on("a test", "it holds writes")
        try:
            yield mode
        finally:
            mode.turn_off()


@contextlib.contextmanager
def running_edge(folder: Path, registry_url: str, gateway: Process, **changes: Any) -> Iterator[Edge]:
    """Run an edge before a registry and a gateway that run; the gateway's files are in the same folder."""
    (folder / READ_ONLY_FOLDER).mkdir(exist_ok=True)
    upstreams = Upstreams(registry_url.removeprefix("http://"), gateway.url.removeprefix("http://"))
    configuration = dataclasses.replace(
        config(plan_of(protection={"enabled": False})), **{"upstreams": upstreams, "pages": [], **changes}
    )
    with running_caddy(configuration, folder, Ports()) as caddy:
        yield Edge(folder, caddy, gateway)


@contextlib.contextmanager
def running_before(folder: Path, registry_url: str, **changes: Any) -> Iterator[Edge]:
    """Run gateway and edge before a registry that runs and lets everybody do everything."""
    with running_anew(folder) as gateway, running_edge(folder, registry_url, gateway, **changes) as edge:
        yield edge


@contextlib.contextmanager
def running_whole(
    folder: Path, *, anonymous: tuple[Access, ...] = (PULL_ALL,), **changes: Any
) -> Iterator[tuple[Edge, Registry]]:
    """Run gateway, edge and a registry that wants the gateway's tokens; requests to the registry given go through the edge."""
    with (
        running_anew(folder, anonymous=anonymous) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
        running_edge(folder, registry.url, gateway, **changes) as edge,
    ):
        yield edge, Registry(edge.url, edge.url)


@contextlib.contextmanager
def running_team(folder: Path) -> Iterator[tuple[Edge, Registry]]:
    """Run all of it with an image in a repository, and a limit of 1 GB for uploads."""
    with running_whole(folder, max_upload_gb=1) as (edge, registry):
        assert registry.push(REPOSITORY, "v1", registry.token(SCOPE, "admin")).status_code == 201
        yield edge, registry
