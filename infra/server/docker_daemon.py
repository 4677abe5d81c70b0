"""Renders daemon.json of the Docker engine. It has no head line, because JSON has no comments."""

from __future__ import annotations

import json

PATH = "/etc/docker/daemon.json"

# Room for 256 networks; a stack has about 15. Docker's own pools have room for 31.
_NETWORKS = {"base": "10.201.0.0/16", "size": 24}
# Enough for thousands of clients. Without it containers would have the engine's own limit, which is the kernel's.
_OPEN_FILES = 16384


def daemon_json(*, ipv6: bool) -> str:
    """Return daemon.json. It has no `hosts`: the engine listens on its socket, never on a port.

    Args:
        ipv6: Whether the edge listens on IPv6. Without the userland proxy this needs ip6tables, which is an experimental feature
            before Docker 27: https://docs.docker.com/engine/release-notes/27/
    """
    settings = {
        # Containers keep running while the engine is upgraded or down.
        "live-restore": True,
        "userland-proxy": False,
        "no-new-privileges": True,
        # This is about the default bridge only, which no service uses.
        "icc": False,
        # For other containers; those of the stack set their own logging.
        "log-driver": "local",
        "log-opts": {"max-size": "10m", "max-file": "5"},
        "default-address-pools": [_NETWORKS],
        # Processes are limited in units.py: RLIMIT_NPROC would count a user's processes in all containers together.
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES}},
        "metrics-addr": "127.0.0.1:9323",
    }
    if ipv6:
        settings |= {"ip6tables": True, "experimental": True}
    return f"{json.dumps(settings, indent=2)}\n"
