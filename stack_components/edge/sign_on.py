"""Who may see the operators' pages: people known to the identity provider or, without one, the operator by name and password."""

from __future__ import annotations

from dataclasses import dataclass

from ops.config import EMAIL_HEADER, PROOF_HEADER, SESSION_COOKIE, SET_COOKIE_HEADER, USER_HEADER
from stack_components.sign_on.config import Provider

_SHARED = f"""\
# Headers by which clients could claim to be somebody.
(no_claims) {{
	request_header -X-Auth-Request-*
	request_header -X-Sign-On-*
}}
# Only for the edge: the password, which Grafana would try as one of its own, and the session cookie.
(no_credentials) {{
	request_header -Authorization
	request_header Cookie "\\b(__Host-)?{SESSION_COOKIE}(_[0-9]+|_csrf)?=[^;]*(; |$)" ""
}}
"""
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Sign on</title>"
    '<body style="font-family:sans-serif;margin:4em;background:#111827;color:#e5e7eb">'
    "<h1>Sign on</h1><p>These pages are for the operators of this registry. "
    "Reload the page and give the operator's name and password.</p>"
)


@dataclass(frozen=True)
class SignOn:
    """How browsers sign on.

    Attributes:
        gateway: The gateway as host:port; it checks the operator's password.
        provider: The identity provider; None if there is none.
    """

    gateway: str
    provider: Provider | None = None


def sign_on_snippet(sign_on: SignOn) -> str:
    """Return the snippet `sign_on`, which lets browsers pass that are signed on, and the snippets that it needs.

    It tells the service behind it who that is, in `USER_HEADER`; with an identity provider, by e-mail address.
    """
    return _SHARED + (_by_provider(sign_on.provider) if sign_on.provider else _by_password(sign_on.gateway))


def token_identity(sign_on: SignOn) -> str:
    """Return the directives that tell the token service who is signed on at the identity provider."""
    return "\t\timport no_claims\n" + (_asked_of(sign_on.provider) if sign_on.provider else "")


def _asked_of(provider: Provider) -> str:
    return f"""\
		route {{
			# Requests of the UI have the browser's cookie. Other clients have none, and pass.
			@browser {{
				header Cookie *{provider.cookie}=*
				header !Authorization
			}}
			forward_auth @browser {provider.proxy} {{
				uri /oauth2/auth
				import tell_client
				copy_headers {EMAIL_HEADER}
				@signed_out status 401
				handle_response @signed_out {{
					request_header -{EMAIL_HEADER}
				}}
			}}
			@signed_on header {EMAIL_HEADER} *
			request_header @signed_on {PROOF_HEADER} {{file.{provider.proof_file}}}
		}}
"""


def _by_password(gateway: str) -> str:
    # Not Caddy's basic_auth: for an unknown name it computes a bcrypt hash of cost 14 at every request, which takes a core for a
    # second (https://github.com/caddyserver/caddy/blob/v2.11.7/modules/caddyhttp/caddyauth/bcrypt.go). The gateway limits
    # failures.
    return f"""\
(sign_on) {{
	import no_claims
	forward_auth {gateway} {{
		uri /auth/operator
		import tell_client
		copy_headers {USER_HEADER} {SET_COOKIE_HEADER}
		@signed_out status 401
		handle_response @signed_out {{
			header WWW-Authenticate {{rp.header.Www-Authenticate}}
			header Content-Type "text/html; charset=utf-8"
			respond `{_PAGE}` 401
		}}
	}}
	@new header {SET_COOKIE_HEADER} *
	header @new +Set-Cookie {{http.request.header.{SET_COOKIE_HEADER}}}
	request_header -{SET_COOKIE_HEADER}
	import no_credentials
}}
(sign_on_pages) {{
}}
"""


def _by_provider(provider: Provider) -> str:
    # Requests by a page's script are not redirected, because the script can do nothing with a sign-on page.
    return f"""\
(sign_on) {{
	import no_claims
	forward_auth {provider.proxy} {{
		uri /oauth2/auth
		import tell_client
		copy_headers {EMAIL_HEADER}
		@signed_out status 401
		handle_response @signed_out {{
			@page header Accept *text/html*
			redir @page /oauth2/sign_in?rd={{http.request.uri_escaped}} 302
			respond 401
		}}
	}}
	request_header {USER_HEADER} {{http.request.header.{EMAIL_HEADER}}}
	import no_credentials
}}
(sign_on_pages) {{
	handle /oauth2/* {{
		# The callback's URL has the provider's code, which must not appear in the log as another request's referrer.
		header Referrer-Policy no-referrer
		reverse_proxy {provider.proxy} {{
			import tell_client
		}}
	}}
}}
"""
