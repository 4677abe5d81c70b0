"""Containers of the real programs: one to call tools in, and services started as the stack declares them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import docker
from docker.models.containers import Container
from docker.models.networks import Network

from infra.live_secrets import is_of
from infra.local import service_user
from infra.paths import cache_folder
from infra.plan import Plan
from infra.regops import regops_part
from infra.release import Part
from infra.services import SERVICES
from infra.site import machine, ops_part, site_part
from ops.core.layout import CURRENT, LIVE
from stack_components.cache import component as cache
from stack_components.console import component as console
from stack_components.edge import component as edge
from stack_components.gateway import component as gateway
from stack_components.monitoring import component as monitoring
from stack_components.networks import NETWORKS
from stack_components.service import ServiceArgs
from tools.bootstrap.docker_engine import ensure_docker
from tools.offline.images import ensure_images

_ASKED = 5
_PATIENCE_S = 30.0


@contextlib.contextmanager
def docker_client() -> Iterator[docker.DockerClient]:
    """Give a client of this machine's engine."""
    with contextlib.closing(docker.DockerClient(base_url=ensure_docker(), timeout=300)) as engine:
        yield engine


def image(engine: docker.DockerClient, name: str) -> str:
    """Return an image made from packages."""
    return ensure_images([name], engine, cache_folder("offline"))[name].reference


def write_part(plan: Plan, name: str, folder: Path) -> Path:
    """Write a part of the release, readable for all, and return its folder."""
    part = next(one for one in _parts(plan) if one.name == name)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for path, content in part.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _parts(plan: Plan) -> Iterator[Part]:
    for component in (monitoring, cache, edge, gateway, console):
        yield from component.parts(plan)
    yield regops_part(plan, PurePosixPath("/srv/stack"))
    yield ops_part()
    yield site_part(machine())


@dataclass(frozen=True)
class Tools:
    """A container in which the programs of an image are called.

    Attributes:
        folder: What it sees as /files.
    """

    container: Container
    folder: Path

    def call(self, *argv: str) -> tuple[bool, str]:
        """Run a program; return whether it succeeded, and what it said."""
        return run_in(self.container, argv, workdir="/files")


def run_in(container: Container, argv: Sequence[str], workdir: str = "/") -> tuple[bool, str]:
    """Run a program in a container; return whether it succeeded, and what it said."""
    code, output = container.exec_run(list(argv), workdir=workdir)
    assert isinstance(output, bytes)  # it is no stream
    return code == 0, output.decode()


def fetch_in(container: Container, url: str) -> str:
    """Return a page, as a container sees it. What a program says that ends at once is lost now and then: it is asked again."""
    for _ in range(_ASKED):
        fetched, page = run_in(container, ["wget", "-q", "-O", "-", url])
        if page:
            break
    assert fetched, f"{url}: {page}"
    return page


@contextlib.contextmanager
def tools(name: str, folder: Path) -> Iterator[Tools]:
    """Start a container of an image with nothing but a folder of ours, and remove it at the end."""
    folder.chmod(0o755)
    with docker_client() as engine:
        container = engine.containers.run(
            image(engine, name),
            ["infinity"],
            entrypoint=["/usr/bin/sleep"],
            detach=True,
            network_mode="none",
            tmpfs={"/tmp": ""},  # noqa: S108  # for each test promtool makes a database there
            volumes={str(folder): {"bind": "/files", "mode": "ro"}},
        )
        try:
            yield Tools(container, folder)
        finally:
            container.remove(force=True, v=True)


@dataclass
class Stack:
    """Services of a stack in one network, under the names that they have on theirs.

    Attributes:
        secrets: Secret files by name.
        changes: What stands in configuration instead of other words.
    """

    engine: docker.DockerClient
    network: Network
    plan: Plan
    folder: Path
    secrets: Mapping[str, str]
    changes: Mapping[str, str]
    containers: dict[str, Container] = field(default_factory=dict)

    def start(self, service: str, args: ServiceArgs) -> Container:
        """Start a service as `Service` does, and wait until its health check succeeds."""
        volumes = {}
        for part, target in args.parts.items():
            volumes[str(self._part(part))] = {"bind": target, "mode": "ro"}
        for part, target in args.hot_reloaded.items():
            live = self.folder / LIVE / part
            write_part(self.plan, part, live / CURRENT)
            volumes[str(live)] = {"bind": target, "mode": "ro"}
        for name, target in args.secrets.items():
            volumes[str(self._own(self.folder / "secrets" / name, self.secrets[name]))] = {"bind": target, "mode": "ro"}
        if args.live_secrets:
            live = self.folder / "secrets" / "live" / service
            for name, content in self.secrets.items():
                if is_of(service, name):
                    self._own(live / CURRENT / name.rpartition("/")[2], content)
            volumes[str(self._own(live))] = {"bind": args.live_secrets, "mode": "ro"}
        for name, target in args.data.items():
            volumes[str(self._own(self.folder / name))] = {"bind": target, "mode": "rw"}
        for name, target in args.reads.items():
            volumes[str(self._own(self.folder / name))] = {"bind": target, "mode": "ro"}
        names = [service, *(f"{service}.{name}" for name, kind in NETWORKS.items() if service in kind.members)]
        limits = self.plan.settings.limits_of(service)
        container = self.engine.containers.create(
            image(self.engine, SERVICES[service].image),
            list(args.command),
            name=f"{self.network.name}-{service}",
            hostname=service,
            # Not the default one first, which a second engine in tests may take away.
            network=self.network.name,
            networking_config={str(self.network.name): self.engine.api.create_endpoint_config(aliases=names)},
            user=service_user(self.plan.settings),
            environment={name: str(value) for name, value in args.environment.items()},
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            tmpfs=dict.fromkeys(["/tmp", *args.tmpfs], "rw,noexec,nosuid,nodev,size=64m,mode=1777"),  # noqa: S108
            mem_limit=limits.memory_mib * 2**20,
            volumes=volumes,
        )
        self.containers[service] = container
        container.start()
        wait_for(lambda: _healthy(container, args.healthcheck.command), lambda: _story(container, args.healthcheck.command))
        return container

    def fetch(self, url: str) -> str:
        """Return a page, as a service on the network sees it."""
        return fetch_in(next(iter(self.containers.values())), url)

    def _part(self, name: str) -> Path:
        folder = self.folder / "parts" / name
        if folder.exists():  # another service runs from it
            return folder
        write_part(self.plan, name, folder)
        for path in folder.glob("*.yml"):
            text = path.read_text()
            for there, here in self.changes.items():
                text = text.replace(there, here)
            path.write_text(text)
        return folder

    def _own(self, path: Path, content: str | None = None) -> Path:
        """Make a folder, or a file, of the services' user and nobody else's."""
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        path.chmod(0o750 if content is None else 0o600)
        uid, gid = map(int, service_user(self.plan.settings).split(":"))
        shutil.chown(path, uid, gid)
        return path


@contextlib.contextmanager
def running_stack(plan: Plan, folder: Path, secret_files: Mapping[str, str], changes: Mapping[str, str]) -> Iterator[Stack]:
    """Give an empty stack, and remove at the end what was started in it."""
    with docker_client() as engine:
        name = f"test-monitoring-{os.getpid()}-{secrets.token_hex(3)}"
        network = engine.networks.create(name, driver="bridge")
        stack = Stack(engine, network, plan, folder, secret_files, changes)
        try:
            yield stack
        finally:
            for container in stack.containers.values():
                container.remove(force=True, v=True)
            network.remove()


def wait_for(condition: Callable[[], bool], story: Callable[[], str], patience_s: float = _PATIENCE_S) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: It does not, with what the story tells.
    """
    give_up = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < give_up, story()
        time.sleep(0.2)


def _healthy(container: Container, check: Sequence[str]) -> bool:
    container.reload()
    return container.status == "running" and run_in(container, check)[0]


def _story(container: Container, check: Sequence[str]) -> str:
    container.reload()
    asked = run_in(container, check)[1] if container.status == "running" else container.status
    return f"{container.name}: {asked}\n{container.logs().decode()}"
