"""How many requests the edge sends on to the registry at once: as many as fit its memory, and from one address a part of them.

Caddy counts the requests that are under way to an upstream, and knows upstreams by the text that names them. So each share of the
requests names the registry in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass

# Caddy with its configuration, certificates and logs, and connections on which no request is under way.
_OWN_MIB = 64
# What a request holds whose client does not read: buffers of both connections, stacks, and what the collector has yet to free.
_REQUEST_KIB = 192
# Beyond this part of its limit, Go collects garbage more often instead of taking more memory.
_GO_PART = 0.85
# IPv4 addresses fall into shares by their last number, IPv6 addresses by the last digit of their /48.
_SHARES = 8
_OCTETS, _HEX = range(256), "0123456789abcdef"


def go_memory(memory_mib: int) -> str:
    """Return what GOMEMLIMIT is for a limit of memory: https://pkg.go.dev/runtime#hdr-Environment_Variables ."""
    return f"{int(memory_mib * _GO_PART)}MiB"


@dataclass(frozen=True)
class Capacity:
    """How many requests are under way at most.

    Attributes:
        shares: Into how many shares they are divided. All requests of an address belong to the same one.
        requests: How many requests each share has.
    """

    shares: int
    requests: int

    @classmethod
    def of(cls, memory_mib: int, *, one_address: bool) -> Capacity:
        """Return what fits a limit of memory.

        Args:
            memory_mib: The edge's limit.
            one_address: Whether the edge sees the same address for all clients, as on a machine that is its own only client.
        """
        shares = 1 if one_address else _SHARES
        return cls(shares, max(16, (memory_mib - _OWN_MIB) * 1024 // _REQUEST_KIB // shares))

    def to_registry(self, registry: str) -> str:
        """Return the directives that send a request to the registry, by the snippet `to_registry`.

        Args:
            registry: The registry as host:port.
        """
        if self.shares == 1:
            return f"import to_registry {registry}\n"
        clients = "".join(f"\t~{_addresses(share, self.shares)} {share}\n" for share in range(1, self.shares))
        shares = "".join(_share(share, registry) for share in range(self.shares))
        return f"map {{client_ip}} {{share}} {{\n{clients}\tdefault 0\n}}\n{shares}"


def _share(share: int, registry: str) -> str:
    return f"""\
@share_{share} vars {{share}} {share}
route @share_{share} {{
	vars registry_{share} {registry}
	import to_registry {{vars.registry_{share}}}
}}
"""


def _addresses(share: int, shares: int) -> str:
    octets = "|".join(str(octet) for octet in _OCTETS if octet % shares == share)
    digits = "".join(digit for value, digit in enumerate(_HEX) if value % shares == share)
    return rf"[.]({octets})$|^[0-9a-f]+:[0-9a-f]+:[0-9a-f]*[{digits}]:"
