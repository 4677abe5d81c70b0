"""The table of services: what each is for, its image, its default limits, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.config import ServiceLimits


@dataclass(frozen=True)
class ServiceKind:
    """A row of the table.

    Attributes:
        purpose: What it is for, in a few words.
        image: Its key in the images lock.
        limits: Its default limits; a stack sets others with `limits`.
        needs: Services that it cannot run without; when one is left out, so is this one.
    """

    purpose: str
    image: str
    limits: ServiceLimits
    needs: tuple[str, ...] = ()


def _kind(purpose: str, image: str, cpus: float, memory_mib: int, *needs: str) -> ServiceKind:
    return ServiceKind(purpose, image, ServiceLimits(cpus=cpus, memory_mib=memory_mib), needs)


# Default limits: CPU cores, then MiB of memory, swap included. Most come from the system that this one replaces.
# All together fit a host with 4 cores and 8 GB.
SERVICES: Mapping[str, ServiceKind] = {
    "registry": _kind("stores and serves images", "registry", 1.5, 2048),
    "cache": _kind("holds the registry's blob descriptors", "redis", 0.25, 256),
    "edge": _kind("the only way in: TLS, routes, read-only mode", "caddy", 0.5, 256),
    "gateway": _kind("issues tokens, takes the registry's events and alerts", "python", 0.25, 128),
    "console": _kind("shows whether all is well, and what there is", "python", 0.25, 128),
    "ui": _kind("shows repositories and tags", "registry_ui", 0.25, 128),
    "regsync": _kind("mirrors images", "regsync", 0.5, 512),
    "regbot": _kind("runs scripts of your own on the registry", "regbot", 0.25, 256),
    "prometheus": _kind("collects metrics, raises alerts", "prometheus", 0.5, 512),
    "alertmanager": _kind("groups alerts, and hands them over", "alertmanager", 0.1, 128, "prometheus"),
    "grafana": _kind("shows dashboards", "grafana", 0.5, 512, "prometheus"),
    "cadvisor-socket": _kind("lets cAdvisor ask the Docker engine, and no more", "socket_proxy", 0.1, 64),
    "cadvisor": _kind("measures containers", "cadvisor", 0.25, 512, "cadvisor-socket", "prometheus"),
    "node-exporter": _kind("measures the host", "node_exporter", 0.1, 64, "prometheus"),
    "redis-exporter": _kind("measures the cache", "redis_exporter", 0.1, 64, "prometheus"),
    "blackbox-exporter": _kind("asks the registry as clients do", "blackbox_exporter", 0.1, 64, "prometheus"),
    "crowdsec": _kind("bans scanners", "crowdsec", 0.5, 1024),
    "portainer-socket": _kind("stands between Portainer and the Docker engine", "socket_proxy", 0.1, 64),
    "portainer": _kind("manages containers by web page", "portainer", 0.25, 256, "portainer-socket"),
    "oauth2-proxy": _kind("signs operators on at an identity provider", "oauth2_proxy", 0.1, 128),
}
