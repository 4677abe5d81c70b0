"""A proxy before the Docker engine's socket, for one client and the requests that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stack_components.service import Exemption, Healthcheck, ServiceArgs

PORT = 2375
_WATCH_S = 30

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]


def socket_proxy_args(allow: Mapping[Method, str], *, client: str) -> ServiceArgs:
    """Return what makes a proxy before the Docker engine's socket (https://github.com/wollomatic/socket-proxy).

    What is allowed at all is seldom harmless: who may ask for `/containers/` reads every file and variable of every container
    (`archive`, `json`), and who may POST there is root on the host.

    Args:
        allow: By method, a regular expression (RE2) that matches the whole path, without the query.
        client: The one service that may ask. It shares a network with the proxy that nobody else is on.
    """
    return ServiceArgs(
        command=[
            "-listenip=0.0.0.0",
            f"-proxyport={PORT}",
            f"-allowfrom={client}",
            # The proxy writes ^ before and $ behind it, which would bind to the first and last alternative alone.
            *(f"-allow{method}=(?:{pattern})" for method, pattern in sorted(allow.items())),
            "-allowhealthcheck",
            # An engine that was started anew may have a new socket, which only a new start of the container finds.
            f"-watchdoginterval={_WATCH_S}",
            "-stoponwatchdog",
        ],
        healthcheck=Healthcheck(["/healthcheck"]),
        user="0:0",
        docker_socket="/var/run/docker.sock",
        exemptions={
            Exemption.ROOT: "root owns the socket on every host, and needs no capability to open it; its group's number differs",
            Exemption.DOCKER_SOCKET: f"passes on what {client} may ask the engine",
        },
    )
