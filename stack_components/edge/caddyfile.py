"""Renders the Caddyfile, in parts: global options, the registry's routes with the gate, the sites that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GATE_FOLDER = "/run/gate"
GATE_FILE = "read-only"
# Clients wait this long before they try a refused write again; a sweep of the garbage collector takes less.
_RETRY_AFTER_S = 5
# How long a service that is being replaced is away at most: it ends its requests first, then its successor starts.
_REGISTRY_RETURNS_S = 45
_GATEWAY_RETURNS_S = 20
# As the registry writes errors, so that clients show the message:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
_GATED = '{"errors":[{"code":"UNAVAILABLE","message":"the registry is read-only for maintenance; try again shortly"}]}'


@dataclass(frozen=True)
class Site:
    """One address that serves the registry.

    Attributes:
        addresses: As Caddy writes them: scheme, host (or none for all), port.
        tls: `internal` for Caddy's own authority, `public` for ACME, None for plain HTTP.
    """

    addresses: Sequence[str]
    tls: str | None


@dataclass(frozen=True)
class Upstreams:
    """Where the edge sends requests, as host:port."""

    registry: str
    gateway: str


def caddyfile(sites: Sequence[Site], upstreams: Upstreams, *, max_upload_gb: int, health_port: int) -> str:
    """Return the whole Caddyfile."""
    blocks = [
        _global_options(public=any(site.tls == "public" for site in sites)),
        _registry_routes(upstreams, max_upload_gb),
        *(_site(site) for site in sites),
        _health(health_port),
    ]
    return "\n".join(blocks)


def _global_options(*, public: bool) -> str:
    # Without a public name Caddy shall neither redirect nor touch the trust store. Clients that ask for 127.0.0.1 send no name.
    local = "" if public else "\tauto_https disable_redirects\n\tskip_install_trust\n\tdefault_sni 127.0.0.1\n"
    return f"""\
# Written by the Pulumi program; changes are overwritten.
{{
	admin off
	persist_config off
	storage file_system /data
{local}	servers {{
		# HTTP/3 would be offered at a UDP port that is not published.
		protocols h1 h2
		max_header_size 32KB
		# No limit on bodies: a slow client may take an hour for a layer.
		timeouts {{
			read_header 10s
			idle 2m
		}}
	}}
	log default {{
		output stdout
		format json
		level INFO
	}}
}}
"""


def _registry_routes(upstreams: Upstreams, max_upload_gb: int) -> str:
    return f"""\
(registry) {{
	log {{
		output file /var/log/caddy/access.log {{
			mode 0640
			roll_size 50MiB
			roll_keep 5
			roll_keep_for 336h
		}}
		format json
	}}
	header {{
		-Server
		-Via
		X-Content-Type-Options nosniff
		Referrer-Policy strict-origin-when-cross-origin
	}}

	# The gate: while this file exists, writes are refused and pulls go on.
	@gated {{
		method POST PUT PATCH DELETE
		path /v2/*
		file {{
			root {GATE_FOLDER}
			try_files /{GATE_FILE}
		}}
	}}
	handle @gated {{
		header Retry-After {_RETRY_AFTER_S}
		header Content-Type application/json
		respond `{_GATED}` 503
	}}

	@registry path /v2 /v2/*
	handle @registry {{
		request_body {{
			max_size {max_upload_gb}GB
		}}
		reverse_proxy {upstreams.registry} {{
{_retry(_REGISTRY_RETURNS_S)}
			transport http {{
				dial_timeout 5s
				response_header_timeout 15m
				compression off
				# Pulls are copied from here to the client: fewer, larger reads make them faster.
				read_buffer 256KB
			}}
		}}
	}}

	handle /auth/token {{
		request_body {{
			max_size 64KB
		}}
		reverse_proxy {upstreams.gateway} {{
{_retry(_GATEWAY_RETURNS_S)}
		}}
	}}

	handle /healthz {{
		respond "ok" 200
	}}

	handle {{
		respond 404
	}}
}}
"""


def _retry(seconds: int) -> str:
    return f"""\
			# Requests not yet sent wait for a service that is being replaced.
			lb_try_duration {seconds}s
			lb_try_interval 250ms"""


def _site(site: Site) -> str:
    lines = []
    if site.tls == "internal":
        lines.append("\ttls internal")
    if site.tls == "public":
        lines.append('\theader Strict-Transport-Security "max-age=31536000"')
    return "\n".join([f"{', '.join(site.addresses)} {{", *lines, "\timport registry", "}", ""])


def _health(port: int) -> str:
    return f"""\
# Not published: for the container's own healthcheck.
http://:{port} {{
	respond /healthz 200
}}
"""
