"""Stacks of the tests' own, with names, ports, networks, state and folders that nobody else uses; always removed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from docker.errors import APIError, NotFound

from infra.settings import PROJECT
from ops.core.labels import NAME_LABEL, ROOT_LABEL
from tests.engine.client import client
from tests.free_ports import free_port
from tests.plans import BARE
from tools.bootstrap.session import Session, open_session
from tools.bootstrap.stack import Stack

_END_LIMIT_S = 10.0
_NAME = re.compile(r"^t(?P<pid>[0-9]+)-[0-9a-f]{6}$")


@dataclass
class TestStack:
    """One stack, its configuration file and its ports."""

    __test__ = False

    name: str
    folder: Path
    http_port: int
    https_port: int
    settings: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The stack's folder on the host."""
        return self.folder / "root"

    @property
    def config(self) -> Path:
        """The configuration file, as an operator would edit it."""
        return self.folder / "Pulumi.yaml"

    def open(self, *, change: Mapping[str, Any] | None = None, raw: Mapping[str, Any] | None = None) -> Session:
        """Return a session on the stack, with some of its settings changed.

        Args:
            change: Keys that replace those of this stack from now on.
            raw: Keys that only the engine sees, not the check before it.
        """
        self.settings |= change or {}
        values = {f"{PROJECT}:{key}": value for key, value in self.settings.items()}
        self.config.write_text(yaml.safe_dump({"config": values}))
        session = open_session(self.name, self.config, self.folder / "state")
        if raw:
            values |= {f"{PROJECT}:{key}": value for key, value in raw.items()}
            self.config.write_text(yaml.safe_dump({"config": values}))
        return session

    def containers(self) -> dict[str, Any]:
        """Return the stack's containers by service."""
        found = client().containers.list(all=True, filters={"label": f"{ROOT_LABEL}={self.root}"}, ignore_removed=True)
        return {str(container.name).removeprefix(f"{self.name}-"): container for container in found}

    def address(self, service: str, network: str) -> str:
        """Return a container's IPv4 address on one of the stack's networks."""
        joined = self.containers()[service].attrs["NetworkSettings"]["Networks"]
        return str(joined[f"{self.name}-{network}"]["IPAddress"])

    def networks(self) -> list[str]:
        """Return the names of the stack's networks."""
        found = client().networks.list(filters={"label": f"{ROOT_LABEL}={self.root}"})
        return sorted(str(network.name) for network in found)


@contextlib.contextmanager
def new_stack(folder: Path, settings: Mapping[str, Any] | None = None) -> Iterator[TestStack]:
    """Yield a stack that is not up yet: bare, plus what the settings ask for. It is removed at the end."""
    name = f"t{os.getpid()}-{secrets.token_hex(3)}"
    http_port, https_port = free_port(), free_port()
    stack = TestStack(name, folder / name, http_port, https_port, {})
    stack.settings = {
        **BARE,
        "name": name,
        "edge": {"bind": "127.0.0.1", "http_port": http_port, "https_port": https_port},
        "local": {"root": str(stack.root)},
        "registry": {"keep_data": False},
        **(settings or {}),
    }
    stack.folder.mkdir(parents=True)
    try:
        yield stack
    finally:
        _end_plugins(stack.folder)
        _remove(f"{NAME_LABEL}={name}")
        shutil.rmtree(stack.folder, ignore_errors=True)


def generated(stack: Stack, name: str) -> str:
    """Return what the program has generated: a secret or a key, by the name of its resource."""
    document = json.loads(stack.pulumi(["stack", "export", "--stack", stack.name, "--show-secrets"]).stdout)
    resources = document["deployment"]["resources"]
    (made,) = [one for one in resources if one["urn"].endswith(f"command:local:Command::{name}")]
    return str(json.loads(made["outputs"]["stdout"]["plaintext"]))


def signs_in(outputs: Mapping[str, Any], account: tuple[str, str] | None = None) -> int:
    """What the token service answers."""
    url = f"{outputs['registry_url']}/auth/token"
    return httpx.get(url, params={"service": outputs["registry"]}, auth=account).status_code


def sweep() -> None:
    """Remove the stacks of killed test runs: those whose name contains the id of a dead process."""
    containers = client().containers.list(all=True, filters={"label": NAME_LABEL}, ignore_removed=True)
    networks = client().networks.list(filters={"label": NAME_LABEL})  # all that a run killed early leaves
    labels = [container.labels for container in containers] + [network.attrs["Labels"] for network in networks]
    for name in {label[NAME_LABEL] for label in labels}:
        match = _NAME.match(name)
        if match and not psutil.pid_exists(int(match["pid"])):
            _remove(f"{NAME_LABEL}={name}")


def _end_plugins(folder: Path) -> None:
    """Kill plugins started from this folder: the official ones do not notice that their engine was killed."""
    ended = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in word for word in process.cmdline()):
                process.kill()
                ended.append(process)
    psutil.wait_procs(ended, timeout=_END_LIMIT_S)


def _remove(label: str) -> None:
    for container in client().containers.list(all=True, filters={"label": label}, ignore_removed=True):
        with contextlib.suppress(NotFound, APIError):
            container.remove(force=True)
    for network in client().networks.list(filters={"label": label}):
        with contextlib.suppress(NotFound, APIError):
            network.remove()
