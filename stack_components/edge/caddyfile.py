"""Renders the Caddyfile in parts: a file of global options, the snippets that sites share, and a file for the sites.

Directives of the CrowdSec bouncer are in two files of their own, `globals.d/crowdsec.caddy` and `snippets.d/bouncer.caddy`, so
that a stock Caddy can check all the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stack_components import access_log
from stack_components.edge.capacity import Capacity
from stack_components.edge.clients import Clients, clients_snippets, trust
from stack_components.edge.events import Events, events_site
from stack_components.edge.front_page import NO_FRONT_PAGE, FrontPage, front_page_route, front_page_snippets
from stack_components.edge.pages import Page, fills_front, pages_snippet
from stack_components.edge.registry_routes import Upstreams, registry_snippet
from stack_components.edge.sign_on import SignOn, sign_on_snippet

# After this long without a byte, nothing of an upload will come any more, and nobody reads an answer. With HTTP/1.1 and a
# chunked body, the registry must not take longer for its answer either: Caddy's limit still runs then.
_STALLED_S = 300


@dataclass(frozen=True)
class Site:
    """One address that serves the registry.

    Attributes:
        addresses: Addresses in Caddy's format: scheme, host (none for all), port.
        tls: `internal` for Caddy's own authority, `public` for ACME, None for plain HTTP.
        leads_to: Where clients are redirected to instead of being served; empty if they are not.
    """

    addresses: Sequence[str]
    tls: str | None
    leads_to: str = ""


@dataclass(frozen=True)
class Bouncer:
    """Where the edge asks whom to ban: CrowdSec's local API, and the file with its key."""

    api_url: str
    key_file: str


@dataclass(frozen=True, kw_only=True)
class EdgeConfig:
    """What the Caddyfile says.

    Attributes:
        sites: The addresses that it serves.
        upstreams: The addresses of registry and token service.
        pages: The pages for browsers that are signed on.
        front: The page at `/`, if none of these is there.
        sign_on: How browsers sign on.
        clients: What is known of clients.
        bouncer: The bouncer; None without protection.
        events: How the registry's events reach the gateway.
        capacity: How many requests it sends on to the registry at once.
        max_upload_gb: Largest request body.
        monitoring_port: Port for health and metrics, which is not published.
        acme_email: E-mail address for the certificate authority.
        http3: Whether HTTP/3 is offered; if so, its UDP port must be published.
        ipv6_port: The TLS port for IPv6 clients, if they have their own.
        default_name: The site for clients that send no server name, because they connect to an address.
    """

    sites: Sequence[Site]
    upstreams: Upstreams
    pages: Sequence[Page]
    front: FrontPage
    sign_on: SignOn
    clients: Clients
    bouncer: Bouncer | None
    events: Events
    capacity: Capacity
    max_upload_gb: int
    monitoring_port: int
    acme_email: str | None = None
    http3: bool = False
    default_name: str = "127.0.0.1"
    ipv6_port: int | None = None


def caddyfile(config: EdgeConfig) -> Mapping[str, str]:
    """Return all files by their path below /etc/caddy/current."""
    links = {page.path: page.title for page in config.pages if page.path}
    front = front_page_route(config.front, links, config.upstreams)
    files = {
        "Caddyfile": _global_options(config) + "\nimport snippets.d/*.caddy\nimport sites.d/*.caddy\n",
        "snippets.d/access-log.caddy": _access_log(),
        "snippets.d/bouncer.caddy": _bouncer_snippet(config.bouncer),
        "snippets.d/clients.caddy": clients_snippets(config.clients),
        "snippets.d/front-page.caddy": NO_FRONT_PAGE if fills_front(config.pages) else front_page_snippets(config.front, links),
        "snippets.d/pages.caddy": pages_snippet(config.pages, front),
        "snippets.d/registry.caddy": _registry(config),
        "snippets.d/sign-on.caddy": sign_on_snippet(config.sign_on),
        "sites.d/events.caddy": events_site(config.events, config.upstreams.gateway),
        "sites.d/sites.caddy": "\n".join([*(_site(site) for site in config.sites), _monitoring(config.monitoring_port)]),
    }
    if config.bouncer:
        files["globals.d/crowdsec.caddy"] = _bouncer_options(config.bouncer)
    return files


def _registry(config: EdgeConfig) -> str:
    host, limit = config.front.host, config.max_upload_gb
    return registry_snippet(config.upstreams, config.sign_on, config.capacity, host=host, max_upload_gb=limit)


def _global_options(config: EdgeConfig) -> str:
    public = any(site.tls == "public" for site in config.sites)
    # Without a public name Caddy must neither redirect nor touch the trust store. Clients that connect by address send no name.
    local = "" if public else f"\tauto_https disable_redirects\n\tskip_install_trust\n\tdefault_sni {config.default_name}\n"
    # Caddy advertises HTTP/3 on the port that it listens on, but IPv6 clients use another one.
    trusted, plain = trust(config.clients), config.clients.plain_listener
    ipv6 = _servers(f" :{config.ipv6_port}", "h1 h2", trusted) if config.ipv6_port else ""
    # Only requests of this host arrive there from its own address: the port is published on loopback.
    from_host = _servers(f" {plain}", "h1 h2", trust(config.clients, this_host=True)) if plain else ""
    email = f"\temail {config.acme_email}\n" if config.acme_email else ""
    return f"""\
# Written by the Pulumi program; changes are overwritten.
{{
	admin off
	persist_config off
	storage file_system /data
{email}{local}	metrics {{
		per_host
	}}
{_servers("", "h1 h2 h3" if config.http3 else "h1 h2", trusted)}{ipv6}{from_host}	log default {{
		output stdout
		format json
		level INFO
	}}
	import globals.d/*.caddy
}}
"""


def _servers(listener: str, protocols: str, trusted: str) -> str:
    return f"""\
	servers{listener} {{
		protocols {protocols}
		max_header_size 32KB
		# No limit on whole bodies: a slow client may take hours for a layer. One that does nothing any more is cut off.
		timeouts {{
			read_header 10s
			read_body_idle {_STALLED_S}s
			write_idle {_STALLED_S}s
			idle 2m
		}}
{trusted}	}}
"""


def _access_log() -> str:
    # CrowdSec's parser reads the default fields, and Caddy redacts credentials. The callback's query has the sign-on's code.
    return f"""\
(access_log) {{
	log {{
		output file {access_log.FILE} {{
			mode 0640
			roll_size 50MiB
			roll_keep 5
			roll_keep_for 336h
		}}
		format json
	}}
	log_skip /oauth2/callback
}}
"""


def _bouncer_options(bouncer: Bouncer) -> str:
    # Decisions are fetched every 15 s and kept in memory, so requests are served even when CrowdSec is down.
    return f"""\
order crowdsec first
crowdsec {{
	api_url {bouncer.api_url}
	api_key {{file.{bouncer.key_file}}}
	ticker_interval 15s
	enable_caddy_metrics
}}
"""


def _bouncer_snippet(bouncer: Bouncer | None) -> str:
    # Never `appsec` here: it reads a whole layer into memory.
    directive = "crowdsec" if bouncer else "vars bouncer off"
    return f"(bouncer) {{\n\t{directive}\n}}\n"


def _site(site: Site) -> str:
    if site.leads_to:
        return f"{', '.join(site.addresses)} {{\n\tredir {site.leads_to}{{uri}} 308\n}}\n"
    lines = ["\timport access_log", "\timport bouncer", "\timport clients"]
    if site.tls == "internal":
        lines.append("\ttls internal")
    if site.tls == "public":
        lines.append('\theader Strict-Transport-Security "max-age=31536000"')
    lines += ["\timport registry", "\timport pages"]
    return "\n".join([f"{', '.join(site.addresses)} {{", *lines, "}", ""])


def _monitoring(port: int) -> str:
    return f"""\
# Not published: for the container's own healthcheck, and for Prometheus.
http://:{port} {{
	metrics /metrics
	respond /healthz 200
}}
"""
