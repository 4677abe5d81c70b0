"""Emulated production stacks for tests: what is on the server and on the Storage Box, and how to break it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine.client import client
from tests.tools.emulation.machines import console
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.stack import EmulatedStack, emulated_stack

ROOT = "/srv/private-registry"
BACK_UP_IN_2020 = f"""
from pathlib import Path
from ops.backups.repository import repository_of
from ops.stack.stack import Stack
words = ["backup", "/etc/hostname", "--tag", "good", "--time", "2020-01-02 03:04:05"]
repository_of(Stack(Path("{ROOT}"))).restic._run(words, 60)
"""


class Server:
    """The one server of an emulated stack, seen from its console."""

    def __init__(self, stack: EmulatedStack) -> None:
        self.stack = stack

    @property
    def name(self) -> str:
        """The name of its container."""
        (found,) = client().containers.list(filters={"name": f"{self.stack.name}-server-"})
        return str(found.name)

    def run(self, script: str) -> str:
        """Run a shell script as root; return what it prints.

        Raises:
            CommandError: It failed.
        """
        return self.stack.on_server(script)

    def containers(self) -> dict[str, str]:
        """Return the ids of the services' containers by their names."""
        lines = self.run("docker ps --no-trunc --format '{{.Names}} {{.ID}}'").splitlines()
        return dict(line.split() for line in lines)


@dataclass(frozen=True)
class Box:
    """The Storage Box of an emulated stack, seen from its console."""

    stack: EmulatedStack

    # The folder of the account that writes, and the keys that open it.
    HOME = "/data/private-registry"
    KEYS = f"{HOME}/.ssh/authorized_keys"

    def run(self, script: str) -> str:
        """Run a shell script as root; return what it prints.

        Raises:
            CommandError: It failed.
        """
        (found,) = client().containers.list(filters={"name": f"{self.stack.name}-box-"})
        return console(found, script)

    def files(self) -> str:
        """Return all files of backups with their checksums, but for locks, and the keys."""
        return self.run(f"cd {self.HOME} && find backups .ssh -type f ! -path '*/locks/*' -exec sha256sum {{}} + | sort")


@contextlib.contextmanager
def production(folder: Path, address: str, **settings: Any) -> Iterator[EmulatedStack]:
    """Yield a production stack of this test's own that is not up yet."""
    name = f"t{os.getpid()}-{secrets.token_hex(3)}"
    with emulated_stack(name, folder / name, address, **settings) as stack:
        yield stack


def docker_is_broken(machines: DockerMachines, server_id: int) -> None:
    """Break Docker on a server, as if it could not be installed."""
    console(machines.servers.find(server_id), "systemctl mask --now docker.service docker.socket")


def docker_is_mended(machines: DockerMachines, server_id: int) -> None:
    """Repair Docker on a server."""
    console(machines.servers.find(server_id), "systemctl unmask docker.service docker.socket")


def before_keys_were_tied(exported: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an exported state as it was when the server's key of a box could do anything there.

    Args:
        exported: The state.
        key: That key, with nothing before it.
    """
    new = re.compile(r"backup-prune-key|backup-writer-install-key-folder$")
    resources = [one for one in exported["deployment"]["resources"] if not new.search(one["urn"])]
    (install,) = [one for one in resources if one["urn"].endswith("::backup-writer-install-key")]
    for known in (install["inputs"], install["outputs"]):
        known |= {"create": "install-ssh-key", "stdin": f"{key}\n"}
    for one in resources:
        lists = [one.get("dependencies", []), *one.get("propertyDependencies", {}).values()]
        for urns in lists:
            urns[:] = [urn for urn in urns if not new.search(urn)]
    exported["deployment"]["resources"] = resources
    return exported


def let_in_by_rules(stack: EmulatedStack, server: Server, rule: str, told_of: int) -> None:
    """Let SSH in as soon as the firewall has new rules."""
    give_up = time.monotonic() + 60
    while not any(path.endswith("/actions/set_rules") for _, path in stack.api.calls[told_of:]):
        if time.monotonic() > give_up:
            return
        time.sleep(0.1)
    server.run(f"iptables -D {rule}")
