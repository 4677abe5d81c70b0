"""How the program checks itself on a host: the arguments of `ops.doctor` for a stack (D12)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import PurePosixPath

from infra.settings import Settings

# Below the root: where the edge keeps the authority that signs certificates for itself.
AUTHORITY = "data/edge/pki/authorities/local/root.crt"
_LOOPBACK = "127.0.0.1"


def doctor_arguments(settings: Settings, root: PurePosixPath) -> Sequence[str]:
    """Return the address to check, and how this host reaches it.

    A certificate of an authority that all trust is for a name that all know: there the way is the one of everybody, DNS
    included. Elsewhere the name may be known to clients alone, and the edge is asked where it listens.

    Args:
        settings: The stack's.
        root: The stack's folder on the host.
    """
    url = ["--url", settings.public_url]
    host, _, port = settings.registry_host.partition(":")
    edge = settings.edge
    if port == str(edge.http_port) and settings.public_url.startswith("http:"):
        return [*url, "--resolve", f"{host}:{edge.plain_bind}"]
    if edge.tls == "public" or int(port or 443) != edge.https_port:  # another port is that of somebody else's proxy
        return url
    bind = _LOOPBACK if ipaddress.IPv4Address(edge.bind).is_unspecified else edge.bind
    return [*url, "--resolve", f"{host}:{bind}", "--ca", str(root / AUTHORITY)]
