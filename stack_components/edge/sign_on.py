"""Who may see the operators' pages: those whom an identity provider knows, or, without one, the operator by name and password."""

from __future__ import annotations

from dataclasses import dataclass

# What tells an upstream who is signed on. Copies that a client sends are dropped.
USER_HEADER = "X-Auth-Request-User"
EMAIL_HEADER = "X-Auth-Request-Email"
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
        accounts_file: Lines of name and bcrypt hash, for Caddy's basic_auth.
        proxy: oauth2-proxy as host:port; None without an identity provider.
    """

    accounts_file: str
    proxy: str | None = None


def sign_on_snippet(sign_on: SignOn) -> str:
    """Return the snippet `sign_on`, which lets signed-on browsers pass, and the snippet `sign_on_pages` beside it."""
    return _by_provider(sign_on.proxy) if sign_on.proxy else _by_password(sign_on.accounts_file)


def token_identity(sign_on: SignOn) -> str:
    """Return directives that tell the token service who is signed on at the identity provider."""
    return ""


def _by_password(accounts_file: str) -> str:
    return f"""\
(sign_on) {{
	request_header -X-Auth-Request-*
	basic_auth {{
		import {accounts_file}
	}}
	request_header {USER_HEADER} {{http.auth.user.id}}
	# Grafana would take it for its own.
	request_header -Authorization
}}
(sign_on_pages) {{
	handle_errors 401 {{
		header Content-Type "text/html; charset=utf-8"
		respond `{_PAGE}` 401
	}}
}}
"""


def _by_provider(proxy: str) -> str:
    return f"""\
(sign_on) {{
	forward_auth {proxy} {{
		uri /oauth2/auth
		header_up X-Real-IP {{client_ip}}
		copy_headers {USER_HEADER} {EMAIL_HEADER}
		@signed_out status 401
		handle_response @signed_out {{
			redir * /oauth2/sign_in?rd={{scheme}}://{{hostport}}{{uri}} 302
		}}
	}}
	request_header -Authorization
}}
(sign_on_pages) {{
	handle /oauth2/* {{
		reverse_proxy {proxy} {{
			header_up X-Real-IP {{client_ip}}
			header_up X-Forwarded-Uri {{uri}}
		}}
	}}
}}
"""
