"""A registry behind gateway and edge, and another one to copy from. All are the real programs, configured by the project."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.plan import Plan
from ops.config import READ_ONLY_FILE, READ_ONLY_FOLDER, REGOPS_FILE, RegopsConfig, render
from ops.core.files import write_atomic
from ops.core.process import Completed, run
from stack_components.edge.caddyfile import EdgeConfig
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from stack_components.gateway.component import rights
from stack_components.sync.component import REGISTRY, parts
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import PASSWORDS, running, wait_until_up, write_files
from tests.ops.gateway.registry_rig import Registry, running_registry
from tests.plans import BARE, CATALOGUE, plan_with
from tests.real_programs import go_binary, registry_binary
from tests.stack_components.edge.caddy import Ports, running_caddy

SOURCE = "source.example.com"  # in the settings; the rig puts the address of the source in its place
_SERVICE_PASSWORDS = {name: f"password-of-{name}" for name in ("regsync", "regbot", "retention")}


@dataclass(frozen=True)
class Rig:
    """Source and target, and the tools that are configured for them.

    Attributes:
        folder: Where configuration and data are.
        source: Anybody may pull and push there.
        target: The registry as its clients reach it: by the edge.
        inner: The address at which regsync reaches it.
    """

    folder: Path
    source: Registry
    target: Registry
    inner: str

    def configure(self, **more: Any) -> None:
        """Write what `regops` reads of a stack with the target, in this folder."""
        config = {
            "stack": "test",
            "url": self.target.url,
            "data": "regops",
            "registry_data": "registry",
            "snapshots": "snapshots",
            "events": "events.db",
            **more,
        }
        write_atomic(self.folder / "current" / REGOPS_FILE, render(RegopsConfig(**config)))

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command of regsync or regbot with its configuration."""
        return [str(go_binary(name)), *arguments, "--config", str(self.folder / f"{name}.yml")]

    def run(self, name: str, *arguments: str) -> Completed:
        """Run regsync or regbot to its end; it logs JSON."""
        return run(self.command(name, *arguments, "--logopt", "json"), timeout=120, env=_environment(self.folder), check=False)

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository of the target, sorted."""
        token = self.target.token(f"repository:{repository}:pull", "admin")
        answer = self.target.request("GET", f"/v2/{repository}/tags/list", token)
        return sorted(answer.json().get("tags") or [])

    def push(self, repository: str, *tags: str) -> None:
        """Push an image for each tag to the target, as its operator."""
        token = self.target.token(f"repository:{repository}:pull,push", "admin")
        for tag in tags:
            assert self.target.push(repository, tag, token).status_code == 201

    @property
    def read_only_file(self) -> Path:
        """The file whose presence makes the edge refuse writes."""
        return self.folder / READ_ONLY_FOLDER / READ_ONLY_FILE


@contextlib.contextmanager
def running_rig(folder: Path, **sync: Any) -> Iterator[Rig]:
    """Run everything below a folder, for a stack with these settings of the mirror, and end it at the end."""
    plan = plan_with(CATALOGUE if "into" in sync else None, **{**BARE, "sync": sync})
    gateway_port, ports = free_port(), Ports()
    (folder / READ_ONLY_FOLDER).mkdir()
    write_files(folder, port=gateway_port)
    (folder / "rights.json").write_text(rights(plan, _SERVICE_PASSWORDS, ("admin", PASSWORDS["admin"]), "salt"))
    with (
        _open_registry(folder / "source") as source,
        running(folder, gateway_port) as gateway,
        running_registry(registry_binary(), folder, gateway.url) as registry,
        running_caddy(_edge_config(plan, registry.url, gateway.url), folder, ports) as edge,
    ):
        for name, password in _SERVICE_PASSWORDS.items():
            (folder / name).mkdir()
            (folder / name / "password").write_text(f"{password}\n")
        for part in parts(plan):
            text = part.files[f"{part.name}.yml"].decode().replace(REGISTRY, f"127.0.0.1:{ports.plain}")
            text = text.replace("/run/secrets", f"{folder}/{part.name}")
            text = text.replace(f"registry: {SOURCE}\n  tls: enabled", f"registry: {SOURCE}\n  tls: disabled")
            (folder / f"{part.name}.yml").write_text(text.replace(SOURCE, source.url.removeprefix("http://")))
        yield Rig(folder, source, Registry(edge.url, edge.url), f"127.0.0.1:{ports.plain}")


def _edge_config(plan: Plan, registry: str, gateway: str) -> EdgeConfig:
    upstreams = Upstreams(registry.removeprefix("http://"), gateway.removeprefix("http://"))
    return dataclasses.replace(config(plan), upstreams=upstreams, max_upload_gb=1)


@contextlib.contextmanager
def _open_registry(folder: Path) -> Iterator[Registry]:
    port = free_port()
    folder.mkdir()
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True},
    }
    (folder / "registry.yml").write_text(yaml.safe_dump(configuration))
    url = f"http://127.0.0.1:{port}"
    with _process([str(registry_binary()), "serve", str(folder / "registry.yml")], folder, f"{url}/"):
        yield Registry(url, "")


@contextlib.contextmanager
def _process(argv: list[str], folder: Path, url: str) -> Iterator[None]:
    """Run a server until its end is wanted; it answers at a URL."""
    with (
        (folder / "output.log").open("wb") as log,
        subprocess.Popen(argv, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until_up(url, process)
            yield
        finally:
            process.kill()


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"}
