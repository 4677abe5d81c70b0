"""How a stack's own host reaches its registry, to check it as clients do (D12)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from infra.settings import Settings

# Below the root: where the edge keeps the authority that signs certificates for itself.
AUTHORITY = "data/edge/pki/authorities/local/root.crt"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Reach:
    """The way to a registry.

    Attributes:
        url: Where clients reach it.
        resolve: Names that this host looks up elsewhere than clients do, with their addresses.
        ca: The file of its certificate's authority; None for one that all trust.
    """

    url: str
    resolve: Mapping[str, str] = field(default_factory=dict)
    ca: PurePosixPath | None = None


def reach(settings: Settings, root: PurePosixPath) -> Reach:
    """Return the address to check, and how this host reaches it.

    A certificate of an authority that all trust is for a name that all know: there the way is the one of everybody, DNS
    included. Elsewhere the name may be known to clients alone, and the edge is asked where it listens.

    Args:
        settings: The stack's.
        root: The stack's folder on the host.
    """
    url = settings.public_url
    host, _, port = settings.registry_host.partition(":")
    edge = settings.edge
    if port == str(edge.http_port) and url.startswith("http:"):
        return Reach(url, {host: edge.plain_bind})
    if edge.tls == "public" or int(port or 443) != edge.https_port:  # another port is that of somebody else's proxy
        return Reach(url)
    bind = _LOOPBACK if ipaddress.IPv4Address(edge.bind).is_unspecified else edge.bind
    return Reach(url, {host: bind}, root / AUTHORITY)
