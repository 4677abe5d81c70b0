"""Renders daemon.json of the Docker engine. It has no head, as JSON knows no comments."""

from __future__ import annotations

import json

PATH = "/etc/docker/daemon.json"

# Room for 256 networks, of which a stack has some 15; Docker's own pools have room for 31.
_NETWORKS = {"base": "10.201.0.0/16", "size": 24}
# Enough for thousands of clients. The engine's own limit, which containers had else, is that of the kernel.
_OPEN_FILES = 16384


def daemon_json(*, ipv6: bool) -> str:
    """Return daemon.json. There is no `hosts`: the engine listens on its socket, never on a port.

    Args:
        ipv6: Whether the edge listens on IPv6. Without the userland proxy only ip6tables can bring clients to it; engines before
            27 count that among their experiments: https://docs.docker.com/engine/release-notes/27/
    """
    settings = {
        # Containers go on while the engine is upgraded, or has died.
        "live-restore": True,
        "userland-proxy": False,
        "no-new-privileges": True,
        # On the default bridge only, which no service is on.
        "icc": False,
        # For containers that are not the stack's: its own say how they log.
        "log-driver": "local",
        "log-opts": {"max-size": "10m", "max-file": "5"},
        "default-address-pools": [_NETWORKS],
        # Processes are limited elsewhere (units.py): RLIMIT_NPROC counts those of a user in all containers together.
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES}},
        "metrics-addr": "127.0.0.1:9323",
    }
    if ipv6:
        settings |= {"ip6tables": True, "experimental": True}
    return f"{json.dumps(settings, indent=2)}\n"
