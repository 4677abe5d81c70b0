"""The registry's routes, and read-only mode, in which the edge refuses writes."""

from __future__ import annotations

from dataclasses import dataclass

from ops.config import READ_ONLY_FILE
from stack_components.edge.sign_on import SignOn, token_identity

# Where the edge finds the folder of the file that turns on read-only mode.
READ_ONLY_MOUNT = "/run/gate"
_EXPIRY = f"ph(req, 'file.{READ_ONLY_MOUNT}/{READ_ONLY_FILE}')"
# Clients wait this long before they retry a refused write. A sweep of the garbage collector takes less.
_RETRY_AFTER_S = 5
# The longest time that a service is away while it is replaced: it finishes its requests, then its successor starts.
_REGISTRY_RETURNS_S = 45
_GATEWAY_RETURNS_S = 20
# In the registry's error format, so that clients show the message:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
_UNAVAILABLE = '{"errors":[{"code":"UNAVAILABLE","message":"the registry is read-only for maintenance; try again shortly"}]}'


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

	# Read-only mode: while this file exists, writes are refused and pulls work. The file may begin with its expiry (a Unix
	# time), so that writes work again even if a task has died; one that is empty or unreadable never expires.
	@read_only expression <<CEL
		method('POST', 'PUT', 'PATCH', 'DELETE') && path('/v2/*')
		&& file({{'root': '{READ_ONLY_MOUNT}', 'try_files': ['/{READ_ONLY_FILE}']}})
		&& [{_EXPIRY}].exists(until, type(until) != string || until == '' || until > string({{time.now.unix}}))
		CEL
	handle @read_only {{
		header Retry-After {_RETRY_AFTER_S}
		header Content-Type application/json
		respond `{_UNAVAILABLE}` 503
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
				# Fewer, larger reads make pulls faster.
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
			# New requests wait for a service that is being replaced.
			lb_try_duration {seconds}s
			lb_try_interval 250ms"""
