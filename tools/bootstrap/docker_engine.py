"""The Docker engine: one that is running already, else one that is installed and started here."""

from __future__ import annotations

import contextlib
import os
import sys
from http.client import HTTPException
from pathlib import Path

import docker
from docker.context import ContextAPI
from docker.errors import DockerException
from requests.exceptions import RequestException

from infra.paths import cache_folder
from infra.progress import progress
from ops.core.docker_engine import ping
from ops.core.process import CommandError, run
from tools.bootstrap.dockerd import Daemon, start_dockerd
from tools.bootstrap.errors import SetupError
from tools.offline.debian import apt_install

_DEFAULT = "unix:///var/run/docker.sock"
_PROBE_LIMIT_S = 10
_SYSTEMD_LIMIT_S = 120.0
# Exists if systemd is the init system: sd_booted(3).
_SYSTEMD = Path("/run/systemd/system")


def ensure_docker() -> str:
    """Return the address of a Docker engine that answers, as DOCKER_HOST takes it.

    DOCKER_HOST and the Docker context are respected: an engine that the user chose is never replaced.

    Raises:
        SetupError: No engine answers and none can be started here; the message names the remedy.
        CommandError: Docker is not installed and cannot be installed.
    """
    address, chosen_by = _address()
    if address.startswith("ssh://"):
        raise SetupError(f"{chosen_by} names {address}, but a local stack needs a Docker engine on this machine")
    fault = fault_of(address)
    if fault is None:
        return address
    silent = f"no Docker engine answers at {address} ({fault})"
    if isinstance(fault, PermissionError):
        raise SetupError(f"{silent}: run `sudo usermod --append --groups docker $USER`, then log in again")
    if chosen_by:
        raise SetupError(f"{silent}: start it, or choose another one ({chosen_by} points to this one)")
    if sys.platform != "linux":
        raise SetupError(f"{silent}: start Docker Desktop, or the engine that your Docker context points to")
    if os.geteuid() != 0:
        raise SetupError(
            f"{silent}: start it with `sudo systemctl start docker`, or install it with `sudo apt-get install docker.io`"
        )
    # In later releases of Debian docker.io only recommends the docker command and the certificates that pulls are checked with.
    dockerd = apt_install("docker.io", "dockerd", purpose="the local stack", also=("docker-cli", "ca-certificates"))
    if fault_of(address) is None:  # installing started it
        return address
    with progress("starting the Docker engine"):
        if _SYSTEMD.is_dir():
            _start_by_systemd(address)
        else:
            daemon = Daemon(program=dockerd, log=cache_folder("run") / "dockerd.log")
            start_dockerd(daemon, answers=lambda: fault_of(address) is None)
    return address


def _address() -> tuple[str, str]:
    """Return the engine's address and which of the user's settings it comes from, found as the docker command finds it."""
    if host := os.environ.get("DOCKER_HOST"):
        return host, "DOCKER_HOST"
    context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    if context is None:
        raise SetupError("DOCKER_CONTEXT: there is no such Docker context; `docker context ls` lists them")
    if context.Name == "default":
        return _DEFAULT, ""
    return str(context.Host), f"the Docker context {context.Name}"


def fault_of(address: str) -> Exception | None:
    """Return why the engine does not answer, or None when it does."""
    try:
        if address.startswith("unix://"):
            ping(address.removeprefix("unix://"))
        else:
            with contextlib.closing(docker.DockerClient(base_url=address, timeout=_PROBE_LIMIT_S)) as client:
                client.ping()
    except (OSError, HTTPException, DockerException, RequestException) as error:
        return error
    return None


def _start_by_systemd(address: str) -> None:
    try:
        run(["systemctl", "start", "docker"], timeout=_SYSTEMD_LIMIT_S)
    except CommandError as error:
        journal = run(["journalctl", "--unit=docker", "--lines=20", "--no-pager"], timeout=30.0, check=False)
        raise SetupError(f"{error}\nThe journal of docker ends with:\n{journal.stdout}") from error
    if fault := fault_of(address):
        raise SetupError(f"docker.service runs, but no Docker engine answers at {address} ({fault})")
