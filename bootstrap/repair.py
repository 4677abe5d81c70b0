"""Puts right what a killed run left: a lock of the engine, containers and networks that its state does not know."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

from bootstrap.errors import BusyError
from bootstrap.preflight import ROOT_LABEL
from bootstrap.stack import Stack
from infra.settings import PROJECT


def release_engine_lock(stack: Stack) -> None:
    """Remove the engine's locks on a stack whose process on this machine is dead.

    Raises:
        BusyError: The process lives, or is on another machine.
    """
    for path in (stack.state / "backend" / ".pulumi" / "locks" / "organization" / PROJECT / stack.name).glob("*.json"):
        holder = _read(path)
        here = holder.get("hostname") == socket.gethostname()
        if not here or _is_alive(int(holder.get("pid", 0))):
            where = "" if here else f" on {holder.get('hostname', 'an unknown machine')}"
            process = holder.get("pid", "unknown")
            raise BusyError(f"stack {stack.name} is in use by the engine, process {process}{where}; wait for it")
        path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    """Read a lock; one that a full disk or a kill left empty belongs to nobody who lives."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {"hostname": socket.gethostname(), "pid": 0}
    return content if isinstance(content, dict) else {}


def remove_orphans(stack: Stack, client: docker.DockerClient, root: Path) -> None:
    """Remove containers and networks of this stack that are in no state, and pending operations from the state.

    A run that is killed between a creation and its record leaves them; the next one would trip over their names. What they
    stand for is on the host's folders, which are not touched.

    Raises:
        CommandError: The engine's state cannot be read.
    """
    containers = client.containers.list(all=True, filters={"label": f"{ROOT_LABEL}={root}"})
    networks = client.networks.list(filters={"label": f"{ROOT_LABEL}={root}"})
    if not containers and not networks:
        return
    deployment = stack.export()["deployment"]
    if deployment.get("pending_operations"):
        stack.pulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack.name], timeout=600)
        deployment = stack.export()["deployment"]
    known = {resource.get("id") for resource in deployment.get("resources", ())}
    for container in containers:
        if container.id not in known:
            sys.stderr.write(f"removing container {container.name}, left by an interrupted run\n")
            with contextlib.suppress(NotFound):
                container.remove(force=True)
    for network in networks:
        if network.id not in known:
            sys.stderr.write(f"removing network {network.name}, left by an interrupted run\n")
            with contextlib.suppress(NotFound):
                network.remove()


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A killed process stays as a zombie until its parent looks; some containers' first process never does.
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in {"Z", "X"}
