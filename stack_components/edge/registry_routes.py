"""The registry's routes, and read-only mode, in which the edge holds writes until the gateway says that they are accepted."""

from __future__ import annotations

from dataclasses import dataclass

from ops.config import HELD_WRITES_PATH, READ_ONLY_FILE, READ_ONLY_MOUNT
from stack_components.edge.sign_on import SignOn, token_identity

_EXPIRY = f"ph(req, 'file.{READ_ONLY_MOUNT}/{READ_ONLY_FILE}')"
_LASTS = "type(until) != string || !until.matches('^[0-9]{10}') || until > string({time.now.unix})"
# What changes the registry, and what clients decide by which layers they need not send: an answer to that from the middle of a
# sweep would be out of date at once.
_WRITES = r"(method('POST', 'PUT', 'PATCH', 'DELETE') || method('HEAD') && path_regexp('^/v2/.+/blobs/[^/]+$'))"
# Clients wait this long before they retry.
_RETRY_AFTER_S = 5
# The longest time that a service is away while it is replaced: it finishes its requests, then its successor starts.
_REGISTRY_RETURNS_S = 45
_GATEWAY_RETURNS_S = 20
# Longer than the gateway holds a write.
_HELD_S = 30
# In the registry's error format, so that clients show the message:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
_UNAVAILABLE = (
    '{"errors":[{"code":"UNAVAILABLE",'
    '"message":"the registry cannot take writes now, for maintenance or because a part of it is restarting; try again shortly"}]}'
)


@dataclass(frozen=True)
class Upstreams:
    """Where the edge sends requests, as host:port."""

    registry: str
    gateway: str


def registry_snippet(upstreams: Upstreams, sign_on: SignOn, *, max_upload_gb: int) -> str:
    """Return the snippet `registry`, and one with headers of all answers."""
    return f"""\
(answer_headers) {{
	header {{
		-Server
		-Via
		X-Content-Type-Options nosniff
		?Referrer-Policy strict-origin-when-cross-origin
	}}
}}
(registry) {{
	import answer_headers

	@registry path /v2 /v2/*
	handle @registry {{
		route {{
			# Read-only mode: while this file exists, writes wait and pulls work. The file may begin with its expiry (a Unix
			# time), so that writes work again even if a task has died; any other never expires.
			@read_only expression <<CEL
				{_WRITES}
				&& file({{'root': '{READ_ONLY_MOUNT}', 'try_files': ['/{READ_ONLY_FILE}']}})
				&& [{_EXPIRY}].exists(until, {_LASTS})
				CEL
			route @read_only {{
{_hold("", upstreams.gateway)}
				# Many are let go at once. Those that find it on again just before they leave wait again.
{_hold("@read_only ", upstreams.gateway)}
			}}
			request_body {{
				max_size {max_upload_gb}GB
			}}
			reverse_proxy {upstreams.registry} {{
{_retry(_REGISTRY_RETURNS_S, indent=4)}
				transport http {{
					dial_timeout 5s
					response_header_timeout 15m
					compression off
					# Fewer, larger reads make pulls faster.
					read_buffer 256KB
				}}
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

	# Writes that the gateway or the registry does not answer, in the registry's own format.
	handle_errors 502 503 504 {{
		import answer_headers
		@write expression path('/v2/*') && {_WRITES}
		handle @write {{
			header Retry-After {_RETRY_AFTER_S}
			header Content-Type application/json
			respond `{_UNAVAILABLE}` 503
		}}
	}}
}}
"""


def _hold(matcher: str, gateway: str) -> str:
    """Return the directive that makes writes wait. What their clients send stays unread until the registry reads it."""
    return f"""\
				forward_auth {matcher}{gateway} {{
					uri {HELD_WRITES_PATH}
					header_up -Authorization
					header_up -Cookie
					header_up -Expect
{_retry(_GATEWAY_RETURNS_S, indent=5)}
					transport http {{
						dial_timeout 5s
						response_header_timeout {_HELD_S}s
					}}
				}}"""


def _retry(seconds: int, *, indent: int = 3) -> str:
    tabs = "\t" * indent
    return f"""\
{tabs}# New requests wait for a service that is being replaced.
{tabs}lb_try_duration {seconds}s
{tabs}lb_try_interval 250ms"""
