"""Looks at what a stack has in this host's Docker engine, and at what of it is not as installed. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Collection, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops.core.answers import UNEXPECTED
from ops.core.labels import REVISION_LABEL, ROOT_LABEL
from ops.core.layout import CURRENT
from ops.host.releases import LIVE_FOLDERS

_SCHEME = "unix://"
_DEFAULT = f"{_SCHEME}/var/run/docker.sock"
_LIMIT_S = 20.0
_NANO, _MIB = 10**9, 2**20


def look(root: Path, changed: Collection[str]) -> dict[str, Any] | None:
    """Return the networks and containers of a stack.

    Args:
        root: The stack's folder on this host.
        changed: Paths of installed files that have changed since, or are missing.

    Returns:
        `networks`: by name, their revision. `containers`: by name, each with its `revision`, its `networks`, and its `fault`,
        which says what is not as it was installed, and is empty otherwise. Those that are missing are among them. None if the
        engine does not answer.
    """
    try:
        with _connected() as engine:
            networks = _get(engine, f"/networks?filters={_mine(root)}")
            containers = _get(engine, f"/containers/json?all=true&filters={_mine(root)}")
            found = {one["Names"][0].lstrip("/"): _get(engine, f"/containers/{one['Id']}/json") for one in containers}
        return _seen(networks, found, root, changed)
    except (OSError, HTTPException, *UNEXPECTED):
        return None


def _seen(networks: Any, found: Mapping[str, Any], root: Path, changed: Collection[str]) -> dict[str, Any]:
    limits = _limits(root)
    shown = {
        name: {
            "revision": _revision(one["Config"]["Labels"]),
            "networks": sorted(one["NetworkSettings"]["Networks"]),
            "fault": _fault(one, limits.get(name), root, changed),
        }
        for name, one in found.items()
    }
    missing = {"revision": "", "networks": [], "fault": "is missing"}
    return {
        "networks": {one["Name"]: _revision(one["Labels"]) for one in networks},
        "containers": {**dict.fromkeys(limits, missing), **shown},
    }


def _mine(root: Path) -> str:
    return quote(json.dumps({"label": [f"{ROOT_LABEL}={root}"]}))


def _revision(labels: Mapping[str, str] | None) -> str:
    return (labels or {}).get(REVISION_LABEL, "")


def _limits(root: Path) -> Mapping[str, Mapping[str, float]]:
    """Return the limits of containers, as they were installed."""
    try:
        config = json.loads((root / CURRENT / "regops/regops.json").read_text())
        return {f"{config['stack']}-{service}": limits for service, limits in config["services"].items()}
    except (OSError, *UNEXPECTED):
        return {}


def _fault(container: Mapping[str, Any], limits: Mapping[str, float] | None, root: Path, changed: Collection[str]) -> str:
    state, host = container["State"], container["HostConfig"]
    if state["Status"] != "running":
        return f"is not running ({state['Status']})"
    if limits is not None and not (
        host["NanoCpus"] == round(limits["cpus"] * _NANO)
        and host["Memory"] == limits.get("memory_mib", 0) * _MIB
        and host["MemorySwap"] == host["Memory"]
    ):
        return "has other limits"
    for mount in container["Mounts"]:
        source = Path(mount.get("Source", ""))
        if mount["Type"] == "bind" and _is_gone(source):
            return f"has lost {source}"
        # What is hot-reloaded is told to its service.
        read_once = source.is_relative_to(root) and not any(source.is_relative_to(root / live) for live in LIVE_FOLDERS)
        if read_once and any(Path(path).is_relative_to(source) for path in changed):
            return f"reads {source}, which has changed"
    return ""


def _is_gone(path: Path) -> bool:
    try:
        return not path.exists()
    except PermissionError:  # somebody else's, so it is there
        return False


@contextlib.contextmanager
def _connected() -> Iterator[HTTPConnection]:
    address = os.environ.get("DOCKER_HOST") or _DEFAULT
    if not address.startswith(_SCHEME):
        raise ConnectionError(f"{address} is no socket")
    with socket.socket(socket.AF_UNIX) as here, contextlib.closing(HTTPConnection("docker")) as connection:
        here.settimeout(_LIMIT_S)
        here.connect(address.removeprefix(_SCHEME))
        connection.sock = here
        yield connection


def _get(engine: HTTPConnection, path: str) -> Any:
    engine.request("GET", path)
    answer = engine.getresponse()
    text = answer.read()
    if answer.status != 200:  # noqa: PLR2004
        raise HTTPException(f"{path} was answered with {answer.status}")
    return json.loads(text)
