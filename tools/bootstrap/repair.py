"""Cleans up after a killed run: the engine's lock, its plugins, and resources that are missing from its state."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import psutil
from docker.errors import NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from infra.settings import PROJECT
from ops.core.labels import ROOT_LABEL
from tools.bootstrap.errors import StackBusyError
from tools.bootstrap.processes import is_running
from tools.bootstrap.stack import Stack

# A Docker engine finishes a request even if nobody waits for the answer any more.
_SETTLED_S = 2.0
_SETTLE_LIMIT_S = 60.0
_POLL_S = 0.2


def repair(stack: Stack, client: docker.DockerClient, root: Path) -> None:
    """Bring a stack's surroundings in line with its state, so that the next run continues where a killed one stopped.

    Containers and networks of this stack that are missing from the state are removed: the next run would fail on their names.
    Their data is in the host's folders, which are not touched.

    Raises:
        StackBusyError: The engine is working on the stack.
        CommandError: The engine's state cannot be read.
    """
    if locks := _stale_locks(stack):
        _end_plugins(stack.engine.home)
        _wait_until_settled(client, root)
        for lock in locks:
            lock.unlink(missing_ok=True)
    deployment = stack.deployment()
    if deployment.get("pending_operations"):
        stack.pulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack.name], timeout=600)
        deployment = stack.deployment()
    _remove_unknown(deployment, client, root)


def _stale_locks(stack: Stack) -> list[Path]:
    """Return the engine's locks on a stack whose process, on this machine, is dead."""
    found = list((stack.state / "backend" / ".pulumi" / "locks" / "organization" / PROJECT / stack.name).glob("*.json"))
    for path in found:
        holder = _read(path)
        here = holder.get("hostname") == socket.gethostname()
        if not here or is_running(int(holder.get("pid", 0)), "pulumi", started_by=holder.get("written", 0.0)):
            where = "" if here else f" on {holder.get('hostname', 'an unknown machine')}"
            raise StackBusyError(
                f"stack {stack.name} is in use by the engine, process {holder.get('pid', 'unknown')}{where}; wait for it, "
                f"or remove {path} if you are sure that it is no longer running"
            )
    return found


def _read(path: Path) -> dict[str, Any]:
    """Read a lock and when it was written; one that a full disk or a kill left empty belongs to no living process."""
    try:
        content = json.loads(path.read_text())
        written = path.stat().st_mtime
    except (OSError, ValueError):
        return {"hostname": socket.gethostname(), "pid": 0}
    return {**content, "written": written} if isinstance(content, dict) else {}


def _end_plugins(home: Path) -> None:
    """End plugins of this checkout whose engine is gone: the official ones do not notice, and finish what they were doing."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            program = "".join(process.cmdline()[:1])
            if program.startswith(f"{home / 'plugins'}/") and not _has_engine(process):
                process.kill()
                process.wait(_SETTLE_LIMIT_S)


def _has_engine(plugin: psutil.Process) -> bool:
    parent = plugin.parent()
    return parent is not None and parent.name() == "pulumi"


def _wait_until_settled(client: docker.DockerClient, root: Path) -> None:
    """Wait until this stack's containers and networks have not changed for a moment."""
    give_up = time.monotonic() + _SETTLE_LIMIT_S
    before, since = None, time.monotonic()
    while time.monotonic() < min(since + _SETTLED_S, give_up):
        now = {(one.id, getattr(one, "status", "")) for one in _owned(client, root)}
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(_POLL_S)


def _owned(client: docker.DockerClient, root: Path) -> list[Container | Network]:
    """Return the containers and networks of the stack that lives in a folder, in the order in which they can be removed."""
    label = f"{ROOT_LABEL}={root}"
    containers = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    return [*containers, *client.networks.list(filters={"label": label})]


def _remove_unknown(deployment: Mapping[str, Any], client: docker.DockerClient, root: Path) -> None:
    known = {resource.get("id") for resource in deployment.get("resources") or ()}
    for one in _owned(client, root):
        if one.id not in known:
            sys.stderr.write(f"removing {one.name}, left by an interrupted run\n")
            with contextlib.suppress(NotFound):
                one.remove(**({"force": True} if isinstance(one, Container) else {}))
