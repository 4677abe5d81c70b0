"""How many requests the edge sends on at once: as many as fit its memory and the registry's, and from one address a part of them.

Caddy counts the requests that are under way to an upstream, and knows upstreams by the text that names them. So each share of the
requests names the registry in its own way, and those that download blobs in another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

from stack_components.registry.component import GARBAGE_PERCENT

# Caddy with its configuration, certificates and logs, and connections on which no request is under way.
_OWN_MIB = 64
# What a request holds whose client does not read: buffers of both connections, stacks, and what the collector has yet to free.
_REQUEST_KIB = 192
# What a download holds in the registry until its client has read all of it, above all its buffer:
# https://github.com/distribution/distribution/blob/v3.1.2/registry/storage/filereader.go#L15
_DOWNLOAD_MIB = 4.25
# The registry without requests.
_REGISTRY_MIB = 160
# Beyond this part of its limit, Go collects garbage more often instead of taking more memory.
_GO_PART = 0.85
# IPv4 addresses fall into shares by their last number, IPv6 addresses by the last digit of their /48.
_SHARES = 8
_TAB = "\t"
_OCTETS, _HEX = range(256), "0123456789abcdef"


def go_memory(memory_mib: int) -> str:
    """Return what GOMEMLIMIT is for a limit of memory: https://pkg.go.dev/runtime#hdr-Environment_Variables ."""
    return f"{int(memory_mib * _GO_PART)}MiB"


@dataclass(frozen=True)
class Capacity:
    """How many requests are under way at most.

    Attributes:
        shares: Into how many shares they are divided. All requests of an address belong to the same one.
        downloads: How many downloads of blobs each share has.
        requests: How many other requests.
    """

    shares: int
    downloads: int
    requests: int

    @classmethod
    def of(cls, edge_mib: int, registry_mib: int, *, one_address: bool) -> Capacity:
        """Return what fits the limits of memory.

        Args:
            edge_mib: The edge's limit.
            registry_mib: The registry's limit.
            one_address: Whether the edge sees the same address for all clients, as on a machine that is its own only client.
        """
        shares = 1 if one_address else _SHARES
        in_all = max(16, (edge_mib - _OWN_MIB) * 1024 // _REQUEST_KIB // shares)
        held_mib = _DOWNLOAD_MIB * (100 + GARBAGE_PERCENT) / 100
        downloads = max(4, min(in_all // 2, int((registry_mib - _REGISTRY_MIB) / held_mib) // shares))
        return cls(shares, downloads, in_all - downloads)

    def to_registry(self, registry: str) -> str:
        """Return the directives that send a request to the registry, by the snippet `to_registry`.

        Args:
            registry: The registry as host:port.
        """
        kinds = "@download {\n\tmethod GET\n\tpath_regexp ^/v2/.+/blobs/[^/]+$\n}\n"
        if self.shares == 1:
            return kinds + self._share(0, registry)
        clients = "".join(f"\t~{_addresses(share, self.shares)} {share}\n" for share in range(1, self.shares))
        shares = "".join(
            f"@share_{share} vars {{share}} {share}\nroute @share_{share} {{\n{indent(self._share(share, registry), _TAB)}}}\n"
            for share in range(self.shares)
        )
        return f"{kinds}map {{client_ip}} {{share}} {{\n{clients}\tdefault 0\n}}\n{shares}"

    def _share(self, share: int, registry: str) -> str:
        return f"""\
vars {{
	downloads_{share} {registry}
	registry_{share} {registry}
}}
route @download {{
	import to_registry {{vars.downloads_{share}}} {self.downloads}
}}
import to_registry {{vars.registry_{share}}} {self.requests}
"""


def _addresses(share: int, shares: int) -> str:
    octets = "|".join(str(octet) for octet in _OCTETS if octet % shares == share)
    digits = "".join(digit for value, digit in enumerate(_HEX) if value % shares == share)
    return rf"[.]({octets})$|^[0-9a-f]+:[0-9a-f]+:[0-9a-f]*[{digits}]:"
