"""The registry's routes, and read-only mode, in which the edge holds writes until the gateway says that they are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

from ops.config import HELD_WRITES_PATH, READ_ONLY_FILE, READ_ONLY_MOUNT
from stack_components.edge.capacity import Capacity
from stack_components.edge.refusals import MANIFEST_PATH, refusals
from stack_components.edge.sign_on import SignOn, token_identity

_EXPIRY = f"ph(req, 'file.{READ_ONLY_MOUNT}/{READ_ONLY_FILE}')"
_LASTS = "type(until) != string || !until.matches('^[0-9]{10}') || until > string({time.now.unix})"
READ_ONLY = f"file({{'root': '{READ_ONLY_MOUNT}', 'try_files': ['/{READ_ONLY_FILE}']}}) && [{_EXPIRY}].exists(until, {_LASTS})"
# What changes the registry, and what clients decide by which layers they need not send: an answer to that from the middle of a
# sweep would be out of date at once.
_WRITES = r"(method('POST', 'PUT', 'PATCH', 'DELETE') || method('HEAD') && path_regexp('^/v2/.+/blobs/[^/]+$'))"
# The longest time that a service is away while it is replaced: it finishes its requests, then its successor starts.
_REGISTRY_RETURNS_S = 45
_GATEWAY_RETURNS_S = 20
# A service that is stopping drops what it has just accepted. For so long after it came a read is sent once more; one at which the
# service itself fails is answered then.
_READ_AGAIN_S = 2
# How many bytes of a body a server in Go reads that it has answered already, to use the connection again:
# https://github.com/golang/go/blob/go1.26.0/src/net/http/server.go#L1102
_READ_ANYWAY = 256 * 1024
# Longer than the gateway holds a write.
_HELD_S = 30
_TABS = "\t\t\t"
_FAILED = (
    "the registry could not do this; its log says why. A manifest that does not follow the format is answered like this, too"
)
# The only thing that shows here of the registry's words is their length. An error of its storage names a path of a file, which
# takes more than this; "unrecognized manifest list schema version 0, expected 2" does not.
_NAMES_NO_PATH = "^([0-9]{1,2}|1[0-2][0-9])$"


@dataclass(frozen=True)
class Upstreams:
    """Where the edge sends requests, as host:port."""

    registry: str
    gateway: str


def registry_snippet(upstreams: Upstreams, sign_on: SignOn, capacity: Capacity, *, host: str, max_upload_gb: int) -> str:
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
{refusals(max_upload_gb=max_upload_gb)}(to_registry) {{
	reverse_proxy {{args[0]}} {{
		import tell_client
		# More than this wait for their turn, as long as for a service that is being replaced.
		unhealthy_request_count {{args[1]}}
{_retry(_REGISTRY_RETURNS_S, indent=2)}
		transport http {{
			dial_timeout 5s
			response_header_timeout 15m
			compression off
			# Fewer, larger reads make pulls faster, but each request holds a buffer of this size: see capacity.py.
			read_buffer 32KB
		}}
		# Mounting a layer from a repository that the client may not read becomes an upload, as at other registries: BuildKit and
		# containerd before 2.1 give up when it is refused. The second request is short, and the first one is still counted.
		@denied {{
			status 401
			header WWW-Authenticate *insufficient_scope*
		}}
		handle_response @denied {{
			@mount {{
				method POST
				path_regexp ^/v2/.+/blobs/uploads/?$
				query mount=*
				not query digest=*
			}}
			route @mount {{
				uri query {{
					-mount
					-from
				}}
				reverse_proxy {{args[0]}} {{
					import tell_client
{_retry(_REGISTRY_RETURNS_S, indent=5)}
					transport http {{
						dial_timeout 5s
						compression off
					}}
					@failed status 5xx
					handle_response @failed {{
						import answer {{rp.status_code}} UNKNOWN "{_FAILED}"
					}}
				}}
			}}
			copy_response
		}}
		# Its own words name paths of the server. It calls a manifest that it does not understand a failure, too.
		@failed status 5xx
		handle_response @failed {{
			@misunderstood {{
				method PUT
				path_regexp {MANIFEST_PATH}
				vars {{rp.status_code}} 500
				vars_regexp {{rp.header.Content-Length}} {_NAMES_NO_PATH}
			}}
			handle @misunderstood {{
				import no_manifest
			}}
			handle {{
				import answer {{rp.status_code}} UNKNOWN "{_FAILED}"
			}}
		}}
	}}
}}
(to_gateway) {{
	reverse_proxy {upstreams.gateway} {{
		import tell_client
{_retry(_GATEWAY_RETURNS_S, indent=2)}
		transport http {{
			keepalive {{args[0]}}
		}}
	}}
}}
(registry) {{
	import answer_headers

	# HTTP/1.0 needs no Host, but addresses are made of it.
	@nameless expression {{http.request.host}} == ''
	request_header @nameless Host {host}

	@registry path /v2 /v2/*
	handle @registry {{
		route {{
			import refused
			# Read-only mode: while this file exists, writes wait and pulls work. The file may begin with its expiry (a Unix
			# time), so that writes work again even if a task has died; any other never expires.
			@read_only expression <<CEL
				{_WRITES}
				&& {READ_ONLY}
				CEL
			route @read_only {{
{_hold("", upstreams.gateway)}
				# Many are let go at once. Those that find it on again just before they leave wait again.
{_hold("@read_only ", upstreams.gateway)}
			}}
			# To what comes without a token the registry answers at once that it wants one, reads no more than this of the body,
			# and closes the connection half a second later. An edge that was busy for so long would find nothing but that.
			@tokenless expression <<CEL
				method('POST', 'PUT', 'PATCH') && !header({{'Authorization': '*'}})
				&& header_regexp('Content-Length', '^[0-9]{{6,}}$')
				&& int({{http.request.header.Content-Length}}) > {_READ_ANYWAY}
				CEL
			request_body @tokenless {{
				set -
			}}
			request_body {{
				max_size {max_upload_gb}GB
			}}
{indent(capacity.to_registry(upstreams.registry), _TABS)}		}}
	}}

	handle /auth/token {{
		import bodies_refused
		request_body {{
			max_size 64KB
		}}
{token_identity(sign_on)}		@posted method POST
		route @posted {{
			# A gateway that stops may close a connection in the moment in which a request is written to it.
			import to_gateway off
		}}
		import to_gateway 2m
	}}

	handle /healthz {{
		respond "ok" 200
	}}

	# What is not answered, in the registry's own format.
	handle_errors 413 {{
		import answer_headers
		@without_body method GET HEAD DELETE
		handle @without_body {{
			import no_body
		}}
		@upload path /v2/*
		handle @upload {{
			import too_large
		}}
	}}
	handle_errors 502 503 504 {{
		import answer_headers
		@api path /v2/* /auth/token
		handle @api {{
			import failures
		}}
		import front_page_errors
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
					# This question has no body and changes nothing, so it may be asked again.
					lb_try_duration {_GATEWAY_RETURNS_S}s
					lb_try_interval 250ms
					transport http {{
						dial_timeout 5s
						response_header_timeout {_HELD_S}s
					}}
				}}"""


def _retry(seconds: int, *, indent: int) -> str:
    tabs = "\t" * indent
    # Caddy asks this of each answer, too.
    unanswered = "{rp.is_transport_error} == true"
    again = f"{unanswered} && method('GET', 'HEAD') && {{http.request.duration_ms}} < {_READ_AGAIN_S * 1000}.0"
    return f"""\
{tabs}# New requests wait for a service that is being replaced. What it may have seen is sent again only if it changes nothing.
{tabs}lb_try_duration {seconds}s
{tabs}lb_try_interval 250ms
{tabs}lb_retry_match expression `{again}`"""
