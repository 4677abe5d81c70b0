"""Who a client is and whether it uses TLS: by its connection, or by the word of a trusted proxy in front of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The environment variable with the address that connections from this host itself have, which Docker chooses.
HOST_ADDRESS = "HOST_ADDRESS"


@dataclass(frozen=True, kw_only=True)
class Clients:
    """What is known of clients.

    Attributes:
        proxies: Networks of trusted proxies.
        plain_listener: The listener without TLS, on which a proxy on this host is trusted too; empty if it is not.
        public_name: The registry's name, with the port if there is one, if its clients use TLS; empty if they do not.
    """

    proxies: Sequence[str] = ()
    plain_listener: str = ""
    public_name: str = ""


def trust(clients: Clients, *, this_host: bool = False) -> str:
    """Return the options of a listener that say whom it trusts.

    Args:
        clients: What is known of clients.
        this_host: Whether it trusts a proxy on this host too.
    """
    networks = [*clients.proxies, *([f"{{${HOST_ADDRESS}}}"] if this_host else [])]
    if not networks:
        return ""
    # Strict: the last address that no trusted proxy has. Those before it are the client's own claim.
    return f"\t\ttrusted_proxies static {' '.join(networks)}\n\t\ttrusted_proxies_strict\n"


def clients_snippets(clients: Clients) -> str:
    """Return the snippet `clients` for sites, and `tell_client` for each service that is told of the client."""
    lines = ["vars client_scheme {scheme}"]
    if clients.proxies or clients.plain_listener:
        # Of several, the first is the client's.
        for scheme in ("http", "https"):
            lines += [
                f"@told_{scheme} {{",
                "\tvars trusted_proxy true",
                f"\theader_regexp X-Forwarded-Proto (?i)^{scheme}(,|$)",
                "}",
                f"vars @told_{scheme} client_scheme {scheme}",
            ]
    if clients.public_name:
        # Clients use this name with TLS. If a request for it comes without, a proxy has ended that, perhaps one that nobody has
        # declared: even then no client must be told to send its password in clear text.
        lines += [f"@public_name header Host {clients.public_name}", "vars @public_name client_scheme https"]
    body = "".join(f"\t{line}\n" for line in lines)
    return f"""\
(clients) {{
{body}}}
(tell_client) {{
	header_up X-Forwarded-For {{client_ip}}
	header_up X-Forwarded-Proto {{vars.client_scheme}}
	header_up X-Real-IP {{client_ip}}
	header_up -Forwarded
}}
"""
