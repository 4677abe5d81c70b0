"""Settings of the edge: where it listens."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.blocks.addresses import IPv4, Network, loopback, not_everybody
from ops.config import Port, Strict

_SOME = not_everybody("is everybody, who could then claim any address; name the proxies' own addresses")


class EdgeSettings(Strict):
    """Where the edge listens on the host: an address for TLS, and two ports.

    Without TLS it listens on loopback only, because passwords and tokens must not travel in clear text.

    Attributes:
        bind: The address for TLS. 0.0.0.0 means all addresses; on a server with `ipv6`, those of IPv6 too.
        http_port: The port without TLS.
        https_port: The port with TLS.
        tls: Who signs the certificate: `public` is a public authority, by ACME; `internal` is the edge's own authority.
        acme_email: Where the certificate authority writes to before a certificate expires.
        ipv6: Whether the edge's network has IPv6, so that it sees the real addresses of IPv6 clients.
        trusted_proxies: Addresses and networks of proxies in front of the edge. What they say of a client is believed: its
            address (`X-Forwarded-For`), and whether it uses TLS (`X-Forwarded-Proto`). Nobody else's word is.
            127.0.0.1 is a proxy on this host, which connects to `http_port`.
    """

    bind: IPv4 = "127.0.0.1"
    http_port: Port = 8080
    https_port: Port = 8443
    tls: Literal["internal", "public"] = "internal"
    acme_email: Annotated[str, Field(pattern=r"^[^@\s{}]+@[^@\s{}]+$")] | None = None
    ipv6: bool = False
    trusted_proxies: tuple[Annotated[Network, _SOME], ...] = ()

    @model_validator(mode="after")
    def _two_ports(self) -> EdgeSettings:
        if self.http_port == self.https_port:
            raise ValueError("http_port and https_port are the same; give each its own")
        return self

    @property
    def plain_bind(self) -> str:
        """The address for requests without TLS."""
        return self.bind if ipaddress.IPv4Address(self.bind).is_loopback else "127.0.0.1"

    @property
    def default_host(self) -> str:
        """The name by which clients reach the edge if `registry_host` is not set; empty if it listens on all addresses."""
        if ipaddress.IPv4Address(self.bind).is_unspecified:
            return ""
        return f"localhost:{self.http_port}" if self.plain_bind == self.bind else f"{self.bind}:{self.https_port}"

    @property
    def trusts_this_host(self) -> bool:
        """Whether a proxy on this host is trusted."""
        return any(map(loopback, self.trusted_proxies))

    @property
    def other_proxies(self) -> tuple[str, ...]:
        """The networks of trusted proxies elsewhere."""
        return tuple(network for network in self.trusted_proxies if not loopback(network))
