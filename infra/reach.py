"""How the host reaches its own registry, to check it the way clients use it (D12)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from infra.settings import Settings

# Below the root: the certificate of the edge's own certificate authority.
AUTHORITY = "data/edge/pki/authorities/local/root.crt"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Reach:
    """How a registry is reached.

    Attributes:
        url: The URL that clients use.
        resolve: Names that this host does not look up in DNS, with their addresses.
        ca: File of the certificate authority; None for a public one.
    """

    url: str
    resolve: Mapping[str, str] = field(default_factory=dict)
    ca: PurePosixPath | None = None


def reach(settings: Settings, root: PurePosixPath) -> Reach:
    """Return the address to check, and how this host reaches it.

    With a certificate from a public authority the name is public too, so this host reaches the registry as everybody does, DNS
    included. Otherwise only clients may know the name, so this host connects straight to the address that the edge listens on.

    Args:
        settings: The stack's settings.
        root: The stack's folder on the host.
    """
    url = settings.public_url
    host, _, port = settings.registry_host.partition(":")
    edge = settings.edge
    if port == str(edge.http_port) and url.startswith("http:"):
        return Reach(url, {host: edge.plain_bind})
    if edge.tls == "public" or int(port or 443) != edge.https_port:  # any other port belongs to a proxy in front
        return Reach(url)
    bind = _LOOPBACK if ipaddress.IPv4Address(edge.bind).is_unspecified else edge.bind
    return Reach(url, {host: bind}, root / AUTHORITY)
