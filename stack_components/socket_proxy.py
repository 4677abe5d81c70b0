"""A proxy in front of the Docker engine's socket, for one client and the requests that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stack_components.service import Exemption, Healthcheck, ServiceArgs

PORT = 2375
_WATCH_S = 30

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]


def socket_proxy_args(allow: Mapping[Method, str], *, client: str) -> ServiceArgs:
    """Return the service of a proxy in front of the Docker engine's socket: https://github.com/wollomatic/socket-proxy.

    Few requests are harmless: whoever may GET below `/containers/` can read every file and variable of every container, with
    `archive` and `json`; whoever may POST there is root on the host.

    Args:
        allow: A regular expression (RE2) for each method, which must match the whole path, without the query.
        client: The only service that may use the proxy. The two share a network with nobody else on it.
    """
    return ServiceArgs(
        command=[
            "-listenip=0.0.0.0",
            f"-proxyport={PORT}",
            f"-allowfrom={client}",
            # The proxy adds ^ and $, which without the group would only apply to the first and last alternative.
            *(f"-allow{method}=(?:{pattern})" for method, pattern in sorted(allow.items())),
            "-allowhealthcheck",
            # A restarted engine may have a new socket, which the container only finds if it restarts too.
            f"-watchdoginterval={_WATCH_S}",
            "-stoponwatchdog",
        ],
        healthcheck=Healthcheck(["/healthcheck"]),
        user="0:0",
        docker_socket="/var/run/docker.sock",
        exemptions={
            Exemption.ROOT: "root owns the socket on every host and needs no capability to open it; its group differs",
            Exemption.DOCKER_SOCKET: f"passes the requests of {client} to the engine",
        },
    )
