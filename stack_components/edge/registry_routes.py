"""The registry's routes, with the gate that refuses writes."""

from __future__ import annotations

from dataclasses import dataclass

from stack_components.edge.sign_on import SignOn, token_identity

GATE_FOLDER = "/run/gate"
GATE_FILE = "read-only"
_GATE_TEXT = f"ph(req, 'file.{GATE_FOLDER}/{GATE_FILE}')"
# Clients wait this long before they try a refused write again; a sweep of the garbage collector takes less.
_RETRY_AFTER_S = 5
# How long a service that is being replaced is away at most: it ends its requests first, then its successor starts.
_REGISTRY_RETURNS_S = 45
_GATEWAY_RETURNS_S = 20
# As the registry writes errors, so that clients show the message:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
_GATED = '{"errors":[{"code":"UNAVAILABLE","message":"the registry is read-only for maintenance; try again shortly"}]}'


@dataclass(frozen=True)
class Upstreams:
    """Where the edge sends requests, as host:port."""

    registry: str
    gateway: str


def registry_snippet(upstreams: Upstreams, sign_on: SignOn, *, max_upload_gb: int) -> str:
    """Return the snippet `registry`."""
    return f"""\
(registry) {{
	header {{
		-Server
		-Via
		X-Content-Type-Options nosniff
		?Referrer-Policy strict-origin-when-cross-origin
	}}

	# The gate: while this file exists, writes are refused and pulls go on. It may begin with the second (Unix time) after
	# which it opens by itself, for a task that has died; one that is empty or cannot be read stays closed.
	@gated expression <<CEL
		method('POST', 'PUT', 'PATCH', 'DELETE') && path('/v2/*')
		&& file({{'root': '{GATE_FOLDER}', 'try_files': ['/{GATE_FILE}']}})
		&& [{_GATE_TEXT}].exists(until, type(until) != string || until == '' || until > string({{time.now.unix}}))
		CEL
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
{token_identity(sign_on)}		reverse_proxy {upstreams.gateway} {{
{_retry(_GATEWAY_RETURNS_S)}
		}}
	}}

	handle /healthz {{
		respond "ok" 200
	}}
}}
"""


def _retry(seconds: int) -> str:
    return f"""\
			# Requests not yet sent wait for a service that is being replaced.
			lb_try_duration {seconds}s
			lb_try_interval 250ms"""
