"""Puts right what a killed run left: the engine's lock, its plugins, and what its state does not know of."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import docker
import psutil
from docker.errors import NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from bootstrap.errors import BusyError
from bootstrap.preflight import ROOT_LABEL
from bootstrap.stack import Stack
from infra.settings import PROJECT

# A Docker engine finishes what it was asked for although nobody waits for the answer any more.
_SETTLED_S = 2.0
_SETTLE_LIMIT_S = 60.0
_POLL_S = 0.2


def repair(stack: Stack, client: docker.DockerClient, root: Path) -> None:
    """Make a stack's surroundings what its state says, so that the next run goes on where a killed one ended.

    Containers and networks of this stack that are in no state are removed: the next run would trip over their names. What they
    stand for is in the host's folders, which are not touched.

    Raises:
        BusyError: The engine works on the stack.
        CommandError: The engine's state cannot be read.
    """
    if _release_lock(stack):
        _end_plugins(stack.engine.home)
        _wait_until_settled(client, root)
    if any(_owned(client, root)):
        _remove_unknown(stack, client, root)


def _release_lock(stack: Stack) -> bool:
    """Remove the engine's locks on a stack whose process on this machine is dead; return whether there were any."""
    found = list((stack.state / "backend" / ".pulumi" / "locks" / "organization" / PROJECT / stack.name).glob("*.json"))
    for path in found:
        holder = _read(path)
        here = holder.get("hostname") == socket.gethostname()
        if not here or _is_alive(int(holder.get("pid", 0))):
            where = "" if here else f" on {holder.get('hostname', 'an unknown machine')}"
            process = holder.get("pid", "unknown")
            raise BusyError(f"stack {stack.name} is in use by the engine, process {process}{where}; wait for it")
        path.unlink(missing_ok=True)
    return bool(found)


def _read(path: Path) -> dict[str, Any]:
    """Read a lock; one that a full disk or a kill left empty belongs to nobody who lives."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {"hostname": socket.gethostname(), "pid": 0}
    return content if isinstance(content, dict) else {}


def _end_plugins(home: Path) -> None:
    """End plugins of this checkout whose engine is gone: the official ones do not notice, and finish what they were at."""
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


def _remove_unknown(stack: Stack, client: docker.DockerClient, root: Path) -> None:
    deployment = stack.export()["deployment"]
    if deployment.get("pending_operations"):
        stack.pulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack.name], timeout=600)
        deployment = stack.export()["deployment"]
    known = {resource.get("id") for resource in deployment.get("resources", ())}
    for one in _owned(client, root):
        if one.id not in known:
            sys.stderr.write(f"removing {one.name}, left by an interrupted run\n")
            with contextlib.suppress(NotFound):
                one.remove(**({"force": True} if isinstance(one, Container) else {}))


def _is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except (psutil.NoSuchProcess, ValueError):
        return False
    except psutil.AccessDenied:
        return True
