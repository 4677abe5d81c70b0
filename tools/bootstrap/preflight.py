"""Checks before the engine starts, so that a known problem is reported in one line: ports, disk space, other stacks."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import docker

from infra.settings import Settings
from ops.core.labels import NAME_LABEL, ROOT_LABEL
from tools.bootstrap.errors import NoSpaceError, SetupError

# The release, its copy in the cache, and room for logs and a first image.
_NEEDED_BYTES = 512 * 1024 * 1024
# Modules, compiled packages and the results of everything that is built from packages.
BUILD_BYTES = 6 * 1024 * 1024 * 1024


def check_space(folders: Iterable[Path], *, needed: int = _NEEDED_BYTES) -> None:
    """Check that the disks of these folders have enough free space.

    Raises:
        NoSpaceError: One does not.
    """
    for folder in folders:
        existing = next(path for path in (folder, *folder.parents) if path.is_dir())
        free = shutil.disk_usage(existing).free
        if free < needed:
            raise NoSpaceError(
                f"the disk of {folder} has {free // 2**20} MiB left, and {needed // 2**20} MiB are needed; free some space"
            )


def check_names(client: docker.DockerClient, settings: Settings, root: Path) -> None:
    """Check that no other stack on this engine uses our names.

    Raises:
        SetupError: One does, or did and was never taken down; the message says where it is and what to do.
    """
    named = f"{NAME_LABEL}={settings.name}"
    found = client.containers.list(all=True, filters={"label": named}, ignore_removed=True)
    labels = [container.labels for container in found]
    labels += [network.attrs["Labels"] for network in client.networks.list(filters={"label": named})]
    for other in sorted({label.get(ROOT_LABEL, "") for label in labels} - {str(root)}):
        taken = f"the name {settings.name} is taken on this Docker engine"
        if not _is_gone(other):
            raise SetupError(
                f"{taken} by the stack in {other}; run `make down` there, or set private-registry:name to another one here"
            )
        left = f"--filter label={ROOT_LABEL}={other}"
        raise SetupError(
            f"{taken} by the remains of a stack in {other}, a folder that is gone; if nobody needs them, remove them with\n"
            f"  docker ps --all --quiet {left} | xargs --no-run-if-empty docker rm --force; docker network prune --force {left}"
        )


def _is_gone(folder: str) -> bool:
    """Return whether a folder does not exist; one that this user may not see counts as existing."""
    try:
        Path(folder).stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def check_ports(client: docker.DockerClient, settings: Settings, root: Path) -> None:
    """Check that the edge's ports are free, or held by our own edge.

    Raises:
        SetupError: One is taken, cannot be opened, or its address is not this machine's.
    """
    own = client.containers.list(filters={"label": f"{ROOT_LABEL}={root}"})
    ours = {int(entry["HostPort"]) for container in own for entries in container.ports.values() for entry in entries or ()}
    edge = settings.edge
    for key, bind, port in (("http_port", edge.plain_bind, edge.http_port), ("https_port", edge.bind, edge.https_port)):
        if port in ours:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as error:
                if error.errno == errno.EACCES:
                    continue  # the Docker engine opens it, and has more rights
                what = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror}"
                raise SetupError(
                    f"edge.{key}: port {port} on {bind} {what}; free it, or set private-registry:edge to another one"
                ) from error
