"""The way of the registry's events to the gateway: the edge adds the token that the gateway wants."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Events:
    """How events reach the gateway.

    The registry shows the headers of its events on its debug port, to whoever reaches that, so it does not know the token.

    Attributes:
        url: Where the registry sends them. Its host is a name of the edge on the network that both share with the gateway alone.
        token_file: The file with the gateway's token.
    """

    url: str
    token_file: str


def events_site(events: Events, gateway: str) -> str:
    """Return the site that takes events.

    Args:
        events: How they reach the gateway.
        gateway: The gateway as host:port.
    """
    url = urlsplit(events.url)
    return f"""\
# On the network of edge, registry and gateway only.
http://{url.netloc} {{
	bind {url.hostname}
	handle {url.path} {{
		reverse_proxy {gateway} {{
			header_up Authorization "Bearer {{file.{events.token_file}}}"
		}}
	}}
	respond 404
}}
"""
